// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

func TestWindowsAreReadBackAsTheyWereWritten(t *testing.T) {
	input := bowyer.Input("sales", sales)
	over := bowyer.Over("region", bowyer.Col("amount").Gt(3)).OrderBy(bowyer.Desc("sold").NullsFirst())
	for text, plan := range map[string]bowyer.Plan{
		"rows -2 to 0 without ties: sum_checked(amount) as amount_sum": input.
			Window(over.Rows(-2, 0).ExcludeTies(), bowyer.Sum("amount")),
		"rows unbounded to unbounded without the current row": input.
			Window(over.Rows(bowyer.UnboundedPreceding, bowyer.UnboundedFollowing).ExcludeCurrentRow(), bowyer.Max("price")),
		"groups 0 to 1": input.Window(over.Groups(0, 1), bowyer.LastValue("price").Option("ignore_nulls", true)),
		"range -3600000000000 as duration": input.
			Window(over.Range(-time.Hour, bowyer.UnboundedFollowing), bowyer.CountAll()),
		"by sold desc nulls first: lag(amount, default=0, offset=2) as amount_lag, row_number() as n": input.
			Window(over, bowyer.Lag("amount", 2).Option("default", 0), bowyer.RowNumber().As("n")),
		"range unbounded to unbounded without the group: ntile(n=4) as ntile": input.
			Window(bowyer.Over().ExcludeGroup(), bowyer.NTile(4)),
	} {
		checkTextAndJSON(t, plan, text)
	}
}

func TestMistakesInWindowsAreToldWithTheirPlace(t *testing.T) {
	input := bowyer.Input("sales", sales)
	for name, test := range map[string]struct {
		plan    bowyer.Plan
		path    string
		message string
	}{
		"no function":       {input.Window(bowyer.Over("region")), "window[1]", "at least one function"},
		"unknown partition": {input.Window(bowyer.Over("regoin"), bowyer.RowNumber()), "window[1].partition[0]", `did you mean "region"?`},
		"odd partition":     {input.Window(bowyer.Over(3), bowyer.RowNumber()), "window[1].partition[0]", "must be a name or an Expr"},
		"unknown order":     {input.Window(bowyer.Over().OrderBy(bowyer.Asc("slod")), bowyer.Rank()), "window[1].order[0]", `did you mean "sold"?`},
		"empty order":       {input.Window(bowyer.Over().OrderBy(bowyer.SortKey{}), bowyer.Rank()), "window[1].order[0]", "empty SortKey"},
		"unknown argument":  {input.Window(bowyer.Over(), bowyer.Lag("amonut", 1)), "window[1].functions[0]", `did you mean "amount"?`},
		"odd distance":      {input.Window(bowyer.Over().Range(make(chan int), 0), bowyer.CountAll()), "window[1].frame", "cannot be a literal"},
		"taken name":        {input.Window(bowyer.Over(), bowyer.CountAll().As("price")), "window[1]", `two columns have the name "price"`},
		"a rank in a group": {input.GroupBy("region").Agg(bowyer.Rank()), "aggregate[1].measures[0]", "use Plan.Window"},
	} {
		err := test.plan.Err()
		var failure *bowyer.Error
		if !errors.As(err, &failure) || failure.Path != test.path || !strings.Contains(failure.Message, test.message) {
			t.Errorf("%s: %v at %+v", name, err, failure)
		}
	}
}
