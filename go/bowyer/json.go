// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// MarshalJSON writes the plan in the JSON form of the contract. Data bound to its inputs is left out: a plan that is read back
// names its inputs, and runs bind them.
func (p Plan) MarshalJSON() ([]byte, error) {
	encoded, _, err := encodePlan(p, false)
	if err != nil {
		return nil, err
	}
	loose, err := protojson.Marshal(encoded)
	if err != nil {
		return nil, errorf(CodeInvalidArgument, "the plan cannot be written as JSON: %v", err)
	}
	var out bytes.Buffer // protojson varies its white space on purpose; equal plans have equal JSON here
	if err := json.Compact(&out, loose); err != nil {
		return nil, errorf(CodeInternal, "the plan's JSON is malformed: %v", err)
	}
	return out.Bytes(), nil
}

// PlanFromJSON reads a plan that MarshalJSON wrote, in any version of the library that knows all of its fields.
func PlanFromJSON(content []byte) (Plan, error) {
	var encoded wire.Plan
	if err := protojson.Unmarshal(content, &encoded); err != nil {
		return Plan{}, errorf(CodeParse, "the plan cannot be read: %v", err)
	}
	return decodePlan(&encoded)
}
