// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// withNullCount is the same array under another claim.
func withNullCount(values arrow.Array, nulls int) arrow.Array {
	data := array.NewData(values.DataType(), values.Len(), values.Data().Buffers(), nil, nulls, values.Data().Offset())
	defer data.Release()
	return array.MakeFromData(data)
}

func TestAWrongNullCountChangesNoAnswer(t *testing.T) {
	ctx := open(t, bowyer.Config{})
	for _, test := range []struct {
		dataType arrow.DataType
		values   string
	}{
		{arrow.PrimitiveTypes.Int64, `[1, null, 3, null, 5]`},
		{arrow.BinaryTypes.String, `["a", null, "c", null, "e"]`},
		{arrow.FixedWidthTypes.Boolean, `[true, null, false, null, true]`},
	} {
		values := arrayOf(t, test.dataType, test.values)
		for _, claim := range []int{array.UnknownNullCount, 0, 1, 2, 5} {
			forged := withNullCount(values, claim)
			got, err := bowyer.CallScalar(ctx, "count", nil, forged)
			forged.Release()
			if err != nil {
				t.Fatal(err)
			}
			if count := got.(*scalar.Int64).Value; count != 3 {
				t.Errorf("%s with a claim of %d nulls has %d valid values, want 3", test.dataType, claim, count)
			}
		}
	}
}
