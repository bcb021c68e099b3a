// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func TestReshapedPlansAreReadBackAsTheyWereWritten(t *testing.T) {
	input := bowyer.Input("sales", sales)
	other := bowyer.Input("returns", sales)
	for text, plan := range map[string]bowyer.Plan{
		"intersect [0] [1]":  input.Intersect(other),
		"except all [0] [1]": input.ExceptAll(other),
		`unnest [0] of region, keep empty, ordinality n, separator "."`: input.
			UnnestAs(bowyer.Elements("region").KeepEmpty().Ordinality("n").Separator(".")),
		"unpivot [0] of amount as what, how": input.Unpivot("what", "how", "amount"),
		`pivot [0] by region of amount to 1 as 1, 2 as two: sum_checked(price) as price_sum`: input.
			GroupBy("region").Pivot("amount", 1, bowyer.Spread(2).As("two")).Agg(bowyer.Sum("price")),
		"sample [0] share 0.25, seed 9": input.Sample(0.25, 9),
		"sample [0] 5 rows, seed 9":     input.SampleRows(5, 9),
	} {
		checkTextAndJSON(t, plan, text)
	}
}

func TestMistakesInReshapedPlansAreToldWithTheirPlace(t *testing.T) {
	input := bowyer.Input("sales", sales)
	for name, test := range map[string]struct {
		plan    bowyer.Plan
		path    string
		message string
	}{
		"nothing to compare":   {input.Except(), "except[1]", "at least one other"},
		"other columns":        {input.Intersect(input.Select("region")), "intersect[2]", "relation 1 of the intersect has columns"},
		"nothing to unfold":    {input.Unnest(), "unnest[1].columns", "at least one column"},
		"unknown list":         {input.Unnest("regoin"), "unnest[1].columns", `did you mean "region"?`},
		"unfolded twice":       {input.Unnest("region", "region"), "unnest[1].columns", "two columns"},
		"unpivot under a name": {input.Unpivot("price", "value", "amount"), "unpivot[1]", `two columns have the name "price"`},
		"pivot of nothing":     {input.GroupBy("region").Pivot("amount").Agg(bowyer.CountAll()), "pivot[1]", "needs a value"},
		"pivot of no column":   {input.GroupBy("region").Pivot("amuont", 1).Agg(bowyer.CountAll()), "pivot[1].column", `did you mean "amount"?`},
		"values of one name":   {input.GroupBy("region").Pivot("amount", 1, 1).Agg(bowyer.CountAll()), "pivot[1].measures", "two columns"},
		"no share":             {input.Sample(math.NaN(), 1), "sample[1]", "must lie in 0 to 1"},
		"fewer than no rows":   {input.SampleRows(-1, 1), "sample[1]", "cannot be negative"},
	} {
		err := test.plan.Err()
		var failure *bowyer.Error
		if !errors.As(err, &failure) || failure.Path != test.path || !strings.Contains(failure.Message, test.message) {
			t.Errorf("%s: %v at %+v", name, err, failure)
		}
	}
}

func TestFieldsOfUnnestedStructsMayBeUsed(t *testing.T) {
	plan := bowyer.Input("sales", sales).Unnest("region").
		Filter(bowyer.Col("city").Eq("Rome")).
		With(bowyer.Col("size").Add(1).As("larger")).
		Join(bowyer.Left, bowyer.Input("cities", sales), bowyer.OnPair("city", "region").Suffix("_2")).
		GroupBy("larger").Agg(bowyer.CountAll())
	if err := plan.Err(); err != nil {
		t.Fatal(err)
	}
	if err := plan.Filter(bowyer.Col("city").Eq("Rome")).Err(); !errors.Is(err, bowyer.ErrNotFound) {
		t.Errorf("a group-by names all of its columns, but %v", err)
	}
}
