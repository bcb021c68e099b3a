// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

var sales = arrow.NewSchema([]arrow.Field{
	{Name: "region", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "amount", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "sold", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Paris"}},
}, nil)

func salesPlan() bowyer.Plan {
	return bowyer.Input("sales", sales).
		Filter(bowyer.Col("amount").Gt(0).And(bowyer.Col("region").IsIn("eu", "us", "asia"))).
		With(bowyer.Col("amount").Mul(bowyer.Col("price")).As("revenue")).
		GroupBy("region", bowyer.Col("sold").Month().As("month")).
		Agg(bowyer.Sum("revenue").As("total"), bowyer.Quantile("amount", 0.9), bowyer.CountAll()).
		Sort(bowyer.Desc("total"), bowyer.Asc("region").NullsFirst()).
		Limit(10)
}

func TestPlanWithoutMistakesHasNoError(t *testing.T) {
	if err := salesPlan().Err(); err != nil {
		t.Fatal(err)
	}
}

func TestPlanSaysMistakesWithTheLineThatWroteThem(t *testing.T) {
	input := bowyer.Input("sales", sales)
	for name, test := range map[string]struct {
		plan    bowyer.Plan
		is      error
		path    string
		message string
	}{
		"unknown column":      {input.Filter(bowyer.Col("amuont").Gt(0)), bowyer.ErrNotFound, "filter[1].predicate", `did you mean "amount"?`},
		"hopeless column":     {input.Select("weather"), bowyer.ErrNotFound, "project[1].columns[0]", `the columns are ["region", "amount", "price", "sold"]`},
		"duplicate column":    {input.Select("amount", bowyer.Col("price").As("amount")), bowyer.ErrInvalidArgument, "project[1].columns", `two columns have the name "amount"`},
		"nameless column":     {input.With(bowyer.Col("amount").Add(1)), bowyer.ErrInvalidArgument, "with[1].columns[0]", "add As"},
		"nil comparison":      {input.Filter(bowyer.Col("amount").Eq(nil)), bowyer.ErrInvalidArgument, "filter[1].predicate", "use IsNull"},
		"nil between":         {input.Filter(bowyer.Col("amount").Between(nil, 3)), bowyer.ErrInvalidArgument, "filter[1].predicate", "use IsNull"},
		"empty expression":    {input.Filter(bowyer.Expr{}), bowyer.ErrInvalidArgument, "filter[1].predicate", "empty Expr"},
		"odd literal":         {input.Filter(bowyer.Col("amount").Eq(make(chan int))), bowyer.ErrInvalidArgument, "filter[1].predicate", "cannot be a literal"},
		"unitless literal":    {input.Filter(bowyer.Col("sold").Eq(arrow.Timestamp(3))), bowyer.ErrInvalidArgument, "filter[1].predicate", "use LitOf"},
		"aggregate in filter": {input.Filter(bowyer.Col("amount").Gt(bowyer.Sum("amount"))), bowyer.ErrInvalidArgument, "filter[1].predicate", "GroupBy().Agg"},
		"odd column":          {input.Select(7), bowyer.ErrInvalidArgument, "project[1].columns[0]", "must be a name or an Expr"},
		"no column":           {input.Select(), bowyer.ErrInvalidArgument, "project[1]", "at least one column"},
		"nameless measure":    {input.GroupBy("region").Agg(bowyer.Sum(bowyer.Col("amount").Mul(2))), bowyer.ErrInvalidArgument, "aggregate[1].measures[0]", "add As"},
		"duplicate measure":   {input.GroupBy("region").Agg(bowyer.CountAll(), bowyer.CountAll()), bowyer.ErrInvalidArgument, "aggregate[1].measures", `"count"`},
		"quantile above one":  {input.GroupBy().Agg(bowyer.Quantile("amount", 1.5)), bowyer.ErrInvalidArgument, "aggregate[1].measures[0]", "0 to 1"},
		"nothing to compute":  {input.GroupBy().Agg(), bowyer.ErrInvalidArgument, "aggregate[1]", "a key or a measure"},
		"unknown sort key":    {input.Sort(bowyer.Asc("when")), bowyer.ErrNotFound, "sort[1].keys[0]", "no column"},
		"negative limit":      {input.Limit(-1), bowyer.ErrInvalidArgument, "limit[1]", "cannot be negative"},
		"unknown join key":    {input.Join(bowyer.Inner, input, bowyer.On("id")), bowyer.ErrNotFound, "join[1].keys[0]", "no column"},
		"join of same names":  {input.Join(bowyer.Left, input, bowyer.On("region")), bowyer.ErrInvalidArgument, "join[1]", "add Suffix"},
		"join without keys":   {input.Join(bowyer.Left, input, bowyer.On()), bowyer.ErrInvalidArgument, "join[1].keys", "OnPair"},
		"cross join by keys":  {input.Join(bowyer.Cross, input, bowyer.On("region").Suffix("_r")), bowyer.ErrInvalidArgument, "join[1].keys", "no keys"},
		"as of no column":     {input.AsOfJoin(input, bowyer.AsOfOn("amount", "amont").Suffix("_r")), bowyer.ErrNotFound, "as_of_join[1].right_on", "did you mean"},
		"empty AsOf":          {input.AsOfJoin(input, bowyer.AsOf{}), bowyer.ErrInvalidArgument, "as_of_join[1]", "AsOfOn"},
		"not in two keys":     {input.Join(bowyer.LeftAntiNullAware, input, bowyer.On("region", "amount")), bowyer.ErrInvalidArgument, "join[1].keys", "one key"},
		"condition's column":  {input.Join(bowyer.LeftSemi, input, bowyer.On("region").Suffix("_r").Where(bowyer.Col("amount_q").Gt(1))), bowyer.ErrNotFound, "join[1].residual", "no column"},
		"join of no kind":     {input.Join(0, input, bowyer.On("region")), bowyer.ErrInvalidArgument, "join[1].kind", "no join of kind"},
		"union of others":     {input.Union(input.Select("region")), bowyer.ErrInvalidArgument, "union[2]", "but the first has"},
		"unknown distinct":    {input.Distinct("regions"), bowyer.ErrNotFound, "distinct[1].columns", `did you mean "region"?`},
		"empty plan":          {bowyer.Plan{}.Limit(3), bowyer.ErrInvalidArgument, "", "empty Plan"},
		"nameless input":      {bowyer.Input("", sales), bowyer.ErrInvalidArgument, "", "needs a name"},
		"no schema":           {bowyer.Input("sales", nil), bowyer.ErrInvalidArgument, "", "no schema"},
		"nil reader":          {bowyer.FromReaderOnce(nil), bowyer.ErrInvalidArgument, "", "nil"},
		"mistake below":       {input.Filter(bowyer.Col("nope").IsNull()).Limit(3).Union(input), bowyer.ErrNotFound, "filter[1].predicate", "nope"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.plan.Err()
			if !errors.Is(err, test.is) {
				t.Fatalf("got %v, want %v", err, test.is)
			}
			var own *bowyer.Error
			if !errors.As(err, &own) {
				t.Fatalf("%T is no *Error", err)
			}
			if !strings.Contains(own.Message, test.message) {
				t.Errorf("message %q lacks %q", own.Message, test.message)
			}
			if test.path != "" && own.Path != test.path {
				t.Errorf("path is %q, want %q", own.Path, test.path)
			}
			if test.path != "" && !strings.HasPrefix(own.Origin, "bowyer/plan_test.go:") {
				t.Errorf("origin is %q", own.Origin)
			}
			if own.Row != -1 || own.Batch != -1 {
				t.Errorf("row %d, batch %d", own.Row, own.Batch)
			}
			if _, err := test.plan.Run(t.Context()); !errors.Is(err, test.is) {
				t.Errorf("Run gave %v", err)
			}
		})
	}
}

func TestPlanTextNamesRelationsAsErrorsDo(t *testing.T) {
	want := `[0] scan sales
[1] filter [0] where and_kleene(greater(amount, 0), or_kleene(or_kleene(equal(region, "eu"), equal(region, "us")), equal(region, "asia")))
[2] with [1]: multiply_checked(amount, price) as revenue
[3] aggregate [2] by region, month(sold) as month: sum_checked(revenue) as total, quantile(amount, q=0.9) as amount_quantile, count_all() as count
[4] sort [3] by total desc, region nulls first
[5] limit [4] to 10`
	if got := salesPlan().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlanSurvivesJSON(t *testing.T) {
	other := bowyer.Input("regions", arrow.NewSchema([]arrow.Field{
		{Name: "code", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String, Ordered: true}},
		{Name: "tags", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.PrimitiveTypes.Int16))},
		{Name: "cost", Type: &arrow.Decimal256Type{Precision: 40, Scale: 2}, Metadata: arrow.MetadataFrom(map[string]string{"unit": "eur"})},
		{Name: "amount", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Float16)})},
	}, nil), bowyer.Unbounded())
	plan := salesPlan().
		Join(bowyer.Left, other, bowyer.OnPair("region", "code").NullsEqual().Suffix("_r")).
		Join(bowyer.RightSemi, other, bowyer.OnPair("region", "code").Suffix("_s").Where(bowyer.Col("total").Gt(bowyer.Col("cost_s")))).
		CrossJoin(salesPlan(), "_x").
		AsOfJoin(other, bowyer.AsOfOn("total", "cost").By("region", "code").Nearest().Strict().Within(2.5).Suffix("_n")).
		Select("region", bowyer.Col("total").Cast(arrow.PrimitiveTypes.Float32).As("t32"), bowyer.Col("cost"),
			bowyer.Col("total").TryCast(&arrow.Decimal128Type{Precision: 5, Scale: 1}).As("d"),
			bowyer.LitOf(&arrow.Decimal128Type{Precision: 9, Scale: 3}, decimal128.FromI64(1500)).As("fixed"),
			bowyer.Param("floor", arrow.FixedWidthTypes.Date32).As("p"),
			bowyer.If(bowyer.Col("total").IsValid(), time.Unix(0, 7), nil).As("i"),
			bowyer.Func("index_in", bowyer.Options{"value_set": []int{1, 2}, "skip_nulls": true}, bowyer.Col("count")).As("n")).
		Distinct("region").Offset(3)
	content, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	back, err := bowyer.PlanFromJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	if !plan.Equal(back) || plan.String() != back.String() {
		t.Errorf("got\n%s\nwant\n%s", back, plan)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(content) {
		t.Errorf("the JSON changed: %v\n%s\n%s", err, content, again)
	}
	if plan.Equal(plan.Limit(3)) {
		t.Error("different plans are equal")
	}
}

func TestPlanFromJSONRefusesWhatItCannotTrust(t *testing.T) {
	schema := `{"fields":[{"name":"a","format":"l"}]}`
	for name, test := range map[string]struct {
		content string
		is      error
	}{
		"no JSON":             {`{`, bowyer.ErrParse},
		"unknown field":       {`{"version":1,"wings":2}`, bowyer.ErrParse},
		"another version":     {`{"version":2}`, bowyer.ErrIncompatibleVersion},
		"no output":           {`{"version":1}`, bowyer.ErrNotImplemented},
		"output of nothing":   {`{"version":1,"outputs":[{"name":"r","relation":3}]}`, bowyer.ErrInvalidArgument},
		"scan of nothing":     {`{"version":1,"relations":[{"scan":{"input":1}}],"outputs":[{}]}`, bowyer.ErrInvalidArgument},
		"relation of no kind": {`{"version":1,"relations":[{}],"outputs":[{}]}`, bowyer.ErrInvalidArgument},
		"reads itself":        {`{"version":1,"relations":[{"limit":{"relation":0}}],"outputs":[{}]}`, bowyer.ErrInvalidArgument},
		"union of nothing":    {`{"version":1,"relations":[{"union":{}}],"outputs":[{}]}`, bowyer.ErrInvalidArgument},
		"loose expression":    {`{"version":1,"inputs":[{"name":"i","schema":` + schema + `}],"relations":[{"scan":{}},{"filter":{"predicate":4}}],"outputs":[{"relation":1}]}`, bowyer.ErrInvalidArgument},
		"own argument":        {`{"version":1,"inputs":[{"name":"i","schema":` + schema + `}],"relations":[{"scan":{}},{"expressions":[{"call":{"function":"f","arguments":[0]}}],"filter":{}}],"outputs":[{"relation":1}]}`, bowyer.ErrInvalidArgument},
		"bad type":            {`{"version":1,"inputs":[{"name":"i","schema":{"fields":[{"name":"a","format":"tsq:"}]}}]}`, bowyer.ErrNotImplemented},
		"bad input type":      {`{"version":1,"inputs":[{"name":"i","schema":{"fields":[{"name":"a","format":"+w:-3","children":[{"format":"l"}]}]}}],"outputs":[{}]}`, bowyer.ErrInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bowyer.PlanFromJSON([]byte(test.content)); !errors.Is(err, test.is) {
				t.Errorf("got %v, want %v", err, test.is)
			}
		})
	}
}

func TestSixtyDoublingNodesAreSixtyNodes(t *testing.T) {
	sum := bowyer.Col("amount")
	for range 60 {
		sum = sum.Add(sum)
	}
	plan := bowyer.Input("sales", sales).With(sum.As("sum"))
	for range 60 {
		plan = plan.Union(plan)
	}
	if err := plan.Err(); err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(content) > 20_000 {
		t.Errorf("the plan takes %d bytes", len(content))
	}
	if lines := strings.Count(plan.String(), "\n"); lines > 130 {
		t.Errorf("the plan's text has %d lines", lines)
	}
	back, err := bowyer.PlanFromJSON(content)
	if err != nil || !back.Equal(plan) {
		t.Errorf("got %v", err)
	}
}

func TestPlansShareNodesAndDoNotChange(t *testing.T) {
	base := bowyer.Input("sales", sales).Filter(bowyer.Col("amount").Gt(0))
	before := base.String()
	base.Select("region")
	base.With(bowyer.Lit(1).As("one"))
	base.Sort(bowyer.Asc("price"))
	if base.String() != before {
		t.Error("a method changed its plan")
	}
}

func TestInputsOfOneNameAreOneInput(t *testing.T) {
	one, two := bowyer.Input("sales", sales), bowyer.Input("sales", sales)
	plan := one.Union(two)
	if got := strings.Count(plan.String(), "scan"); got != 1 {
		t.Errorf("%d scans in\n%s", got, plan)
	}
	narrow := arrow.NewSchema(sales.Fields()[:1], nil)
	if _, err := json.Marshal(one.Select("region").Union(bowyer.Input("sales", narrow))); !errors.Is(err, bowyer.ErrInvalidArgument) {
		t.Errorf("two schemas under one name: %v", err)
	}
	unnamed := bowyer.FromBatches(sales).Union(bowyer.Input("input0", sales), bowyer.FromBatches(sales))
	if text := unnamed.String(); !strings.Contains(text, "scan input1") || !strings.Contains(text, "scan input2") {
		t.Errorf("names clash:\n%s", text)
	}
}

func TestExpressionsPrintSharedOperandsOnce(t *testing.T) {
	sum := bowyer.Col("a").Add(1)
	if got, want := sum.Mul(sum).As("b").String(), "$2 = add_checked(a, 1); multiply_checked($2, $2) as b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := bowyer.Lit(math.MaxUint64>>1).Eq(uint64(math.MaxUint64)).String(), "equal(9223372036854775807, 18446744073709551615)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
