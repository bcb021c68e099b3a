// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// checkTextAndJSON checks that a plan has no mistake, says text, and is the same after its JSON form was read back.
func checkTextAndJSON(t *testing.T, plan bowyer.Plan, text string) {
	t.Helper()
	if err := plan.Err(); err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	if !strings.Contains(plan.String(), text) {
		t.Errorf("%s does not say %q", plan, text)
	}
	encoded, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := bowyer.PlanFromJSON(encoded); err != nil {
		t.Errorf("%s: %v", text, err)
	} else if !read.Equal(plan) {
		t.Errorf("%s became %s", plan, read)
	}
}
