// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo || isolated

package bowyer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

var orderSchema = arrow.NewSchema([]arrow.Field{
	{Name: "customer", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "amount", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
}, nil)

func orderBatch() arrow.RecordBatch {
	return fromJSON(orderSchema, `[
		{"customer": "ann", "amount": 30, "day": "2024-01-05"},
		{"customer": "bob", "amount": 5,  "day": "2024-01-06"},
		{"customer": "ann", "amount": 12, "day": "2024-02-01"},
		{"customer": "cat", "amount": null, "day": "2024-02-03"}]`)
}

func fromJSON(schema *arrow.Schema, rows string) arrow.RecordBatch {
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		log.Fatal(err)
	}
	return batch
}

// show runs a plan and prints its rows.
func show(plan bowyer.Plan, options ...bowyer.RunOption) {
	result, err := plan.Run(context.Background(), options...)
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	for batch, err := range result.All() {
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		for row := range int(batch.NumRows()) {
			cells := make([]string, batch.NumCols())
			for i, column := range batch.Columns() {
				cells[i] = column.ValueStr(row)
			}
			fmt.Println(strings.Join(cells, " "))
		}
	}
}

func Example() {
	orders := orderBatch()
	defer orders.Release()
	plan := bowyer.FromBatches(orders.Schema(), orders).
		Filter(bowyer.Col("amount").Gt(0)).
		GroupBy("customer").
		Agg(bowyer.Sum("amount").As("total"), bowyer.CountAll()).
		Sort(bowyer.Desc("total"))
	result, err := plan.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for batch, err := range result.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.Column(0), batch.Column(1), batch.Column(2))
	}
	// Output: ["ann" "bob"] [42 5] [2 1]
}

func ExamplePlan_Filter() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orderSchema, orders).
		Filter(bowyer.Col("customer").IsIn("ann", "cat").And(bowyer.Col("amount").IsValid())))
	// Output:
	// ann 30 2024-01-05
	// ann 12 2024-02-01
}

func ExamplePlan_Select() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orderSchema, orders).
		Select(bowyer.Col("customer").Upper().As("name"), bowyer.Col("day").Month().As("month"), "amount").
		Limit(2))
	// Output:
	// ANN 1 30
	// BOB 1 5
}

func ExamplePlan_With() {
	orders := orderBatch()
	defer orders.Release()
	amount := bowyer.Col("amount").FillNull(0)
	show(bowyer.FromBatches(orderSchema, orders).
		With(bowyer.If(amount.Ge(10), "large", "small").As("size"), amount.Mul(2).As("amount")))
	// Output:
	// ann 60 2024-01-05 large
	// bob 10 2024-01-06 small
	// ann 24 2024-02-01 large
	// cat 0 2024-02-03 small
}

func ExamplePlan_GroupBy() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orderSchema, orders).
		GroupBy(bowyer.Col("day").Month().As("month")).
		Agg(bowyer.CountAll(), bowyer.Max("amount"), bowyer.CountDistinct("customer").As("customers")).
		Sort(bowyer.Asc("month")))
	// Output:
	// 1 2 30 2
	// 2 2 12 2
}

func ExamplePlan_Join() {
	orders := orderBatch()
	defer orders.Release()
	customers := fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "city", Type: arrow.BinaryTypes.String},
	}, nil), `[{"name": "ann", "city": "Oslo"}, {"name": "bob", "city": "Rome"}]`)
	defer customers.Release()
	show(bowyer.FromBatches(orderSchema, orders).
		Join(bowyer.Left, bowyer.FromBatches(customers.Schema(), customers), bowyer.OnPair("customer", "name")).
		Select("customer", "amount", "city").
		Sort(bowyer.Asc("customer"), bowyer.Asc("amount")))
	// Output:
	// ann 12 Oslo
	// ann 30 Oslo
	// bob 5 Rome
	// cat (null) (null)
}

func ExampleJoinOn_Where() {
	orders := orderBatch()
	defer orders.Release()
	prices := fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "at_least", Type: arrow.PrimitiveTypes.Int64},
		{Name: "class", Type: arrow.BinaryTypes.String},
	}, nil), `[{"at_least": 10, "class": "medium"}, {"at_least": 20, "class": "large"}]`)
	defer prices.Release()
	show(bowyer.FromBatches(orderSchema, orders).
		Join(bowyer.Left, bowyer.FromBatches(prices.Schema(), prices),
			bowyer.OnWhere(bowyer.Col("amount").Ge(bowyer.Col("at_least")))).
		Select("customer", "amount", "class").
		Sort(bowyer.Asc("customer"), bowyer.Asc("amount"), bowyer.Asc("class")))
	// Output:
	// ann 12 medium
	// ann 30 large
	// ann 30 medium
	// bob 5 (null)
	// cat (null) (null)
}

func ExamplePlan_CrossJoin() {
	orders := orderBatch()
	defer orders.Release()
	customers := bowyer.FromBatches(orderSchema, orders).Distinct("customer").Select("customer")
	show(customers.CrossJoin(customers, "_other").
		Filter(bowyer.Col("customer").Lt(bowyer.Col("customer_other"))).
		Sort(bowyer.Asc("customer"), bowyer.Asc("customer_other")))
	// Output:
	// ann bob
	// ann cat
	// bob cat
}

func ExamplePlan_AsOfJoin() {
	quotes := fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "time", Type: arrow.PrimitiveTypes.Int64},
		{Name: "share", Type: arrow.BinaryTypes.String},
		{Name: "price", Type: arrow.PrimitiveTypes.Int64},
	}, nil), `[{"time": 1, "share": "x", "price": 10}, {"time": 5, "share": "x", "price": 11}, {"time": 2, "share": "y", "price": 70}]`)
	defer quotes.Release()
	trades := fromJSON(arrow.NewSchema([]arrow.Field{
		{Name: "time", Type: arrow.PrimitiveTypes.Int64},
		{Name: "share", Type: arrow.BinaryTypes.String},
	}, nil), `[{"time": 4, "share": "x"}, {"time": 5, "share": "x"}, {"time": 9, "share": "y"}, {"time": 0, "share": "x"}]`)
	defer trades.Release()
	show(bowyer.FromBatches(trades.Schema(), trades).
		AsOfJoin(bowyer.FromBatches(quotes.Schema(), quotes), bowyer.AsOfOn("time", "time").By("share", "share").Within(5)))
	// Output:
	// 4 x 10
	// 5 x 11
	// 9 y (null)
	// 0 x (null)
}

func ExamplePlan_Sort() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orderSchema, orders).
		Select("customer", "amount").
		Sort(bowyer.Desc("amount").NullsFirst()))
	// Output:
	// cat (null)
	// ann 30
	// ann 12
	// bob 5
}

func ExamplePlan_Limit() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orderSchema, orders).Offset(1).Limit(1))
	// Output:
	// bob 5 2024-01-06
}

func ExamplePlan_Union() {
	orders := orderBatch()
	defer orders.Release()
	names := bowyer.FromBatches(orderSchema, orders).Select("customer")
	show(names.Union(names.Limit(1)))
	// Output:
	// ann
	// bob
	// ann
	// cat
	// ann
}

func ExamplePlan_Distinct() {
	orders := orderBatch()
	defer orders.Release()
	show(bowyer.FromBatches(orderSchema, orders).Distinct("customer").Select("customer", "amount").Sort(bowyer.Asc("customer")))
	// Output:
	// ann 30
	// bob 5
	// cat (null)
}

func ExamplePlan_Schema() {
	plan := bowyer.Input("orders", orderSchema).
		GroupBy("customer").
		Agg(bowyer.Mean("amount"), bowyer.Median("amount"))
	schema, err := plan.Schema(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, field := range schema.Fields() {
		fmt.Println(field.Name, field.Type)
	}
	// Output:
	// customer utf8
	// amount_mean float64
	// amount_median float64
}

func ExamplePlan_Collect() {
	orders := orderBatch()
	defer orders.Release()
	table, err := bowyer.FromBatches(orderSchema, orders).Select("amount").Collect(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer table.Release()
	fmt.Println(table.NumRows(), "rows:", table.Column(0).Data().Chunk(0))
	// Output: 4 rows: [30 5 12 (null)]
}

func ExamplePlan_Prepare() {
	ctx := context.Background()
	prepared, err := bowyer.Input("orders", orderSchema).
		Filter(bowyer.Col("amount").Ge(bowyer.Param("least", arrow.PrimitiveTypes.Int64))).
		GroupBy().Agg(bowyer.CountAll()).
		Prepare(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer prepared.Release()
	orders := orderBatch()
	defer orders.Release()
	for _, least := range []int{1, 10, 100} {
		table, err := prepared.Collect(ctx, bowyer.Bind("orders", bowyer.Batches(orders)), bowyer.Params(map[string]any{"least": least}))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(least, table.Column(0).Data().Chunk(0))
		table.Release()
	}
	// Output:
	// 1 [3]
	// 10 [2]
	// 100 [0]
}

func ExampleFromReader() {
	orders := orderBatch()
	defer orders.Release()
	plan := bowyer.FromReader(orderSchema, func(_ context.Context, request bowyer.ScanRequest) (array.RecordReader, error) {
		fmt.Println("needs", request.Columns)
		return array.NewRecordReader(orderSchema, []arrow.RecordBatch{orders, orders})
	})
	show(plan.GroupBy().Agg(bowyer.Sum("amount")))
	// Output:
	// needs [amount]
	// 94
}

func ExampleError() {
	orders := orderBatch()
	defer orders.Release()
	result, err := bowyer.FromBatches(orderSchema, orders).
		Select(bowyer.Lit(60).Div(bowyer.Col("amount").Sub(12)).As("share")).
		Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer result.Release()
	for result.Next() { // what came before the failing row
	}
	var failure *bowyer.Error
	if errors.As(result.Err(), &failure) {
		fmt.Println(failure.Code, failure.Function, "at batch", failure.Batch, "row", failure.Row, "of", failure.Input)
	}
	// Output: DivideByZero divide_checked at batch 0 row 2 of input0
}

func ExampleCall() {
	ctx := context.Background()
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendValues([]int64{1, 2, 3}, nil)
	numbers := builder.NewArray()
	defer numbers.Release()
	sums, err := bowyer.Call(ctx, "add", nil, numbers, scalar.NewInt64Scalar(10))
	if err != nil {
		log.Fatal(err)
	}
	defer sums.Release()
	total, err := bowyer.CallScalar(ctx, "sum", nil, sums)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sums, total)
	// Output: [11 12 13] 36
}

func ExampleWithEngine() {
	ctx := context.Background()
	engine, err := bowyer.Open(ctx, bowyer.Config{Threads: 2, MemoryLimit: 1 << 30})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	orders := orderBatch()
	defer orders.Release()
	table, err := bowyer.FromBatches(orderSchema, orders).Collect(bowyer.WithEngine(ctx, engine))
	if err != nil {
		log.Fatal(err)
	}
	defer table.Release()
	stats, err := engine.Stats()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(table.NumRows(), "rows on", stats.Threads, "threads, at most", stats.MemoryLimit>>20, "MiB")
	// Output: 4 rows on 2 threads, at most 1024 MiB
}

func ExamplePlan_MarshalJSON() {
	plan := bowyer.Input("orders", arrow.NewSchema([]arrow.Field{{Name: "amount", Type: arrow.PrimitiveTypes.Int64}}, nil)).Limit(3)
	content, err := json.Marshal(plan)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(content))
	back, err := bowyer.PlanFromJSON(content)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(back.Equal(plan))
	// Output:
	// {"version":1,"inputs":[{"name":"orders","schema":{"fields":[{"name":"amount","format":"l"}]}}],"relations":[{"scan":{}},{"limit":{"count":"3"}}],"outputs":[{"name":"result","relation":1}]}
	// true
}

func ExamplePlan_String() {
	fmt.Println(bowyer.Input("orders", orderSchema).
		Filter(bowyer.Col("amount").Gt(10)).
		GroupBy("customer").Agg(bowyer.Sum("amount")).
		Sort(bowyer.Desc("amount_sum")))
	// Output:
	// [0] scan orders
	// [1] filter [0] where greater(amount, 10)
	// [2] aggregate [1] by customer: sum_checked(amount) as amount_sum
	// [3] sort [2] by amount_sum desc
}

func ExamplePlan_Err() {
	plan := bowyer.Input("orders", orderSchema).Filter(bowyer.Col("amuont").Gt(10))
	var mistake *bowyer.Error
	if errors.As(plan.Err(), &mistake) {
		fmt.Println(mistake.Code, mistake.Path+":", mistake.Message)
	}
	// Output: NotFound filter[1].predicate: no column "amuont": did you mean "amount"?
}
