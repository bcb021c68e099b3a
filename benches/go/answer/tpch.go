// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// col shortens plans that consist of columns.
var col = bowyer.Col

func date(text string) bowyer.Expr {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err) // a constant of this file
	}
	return bowyer.LitOf(arrow.FixedWidthTypes.Date32, arrow.Date32FromTime(day))
}

// from is whether a column of dates lies in [first, end).
func from(column, first, end string) bowyer.Expr {
	return col(column).Ge(date(first)).And(col(column).Lt(date(end)))
}

// discounted is the price of a line less its discount, a decimal(31, 4).
func discounted() bowyer.Expr {
	return col("l_extendedprice").Mul(bowyer.Lit(1).Sub(col("l_discount")))
}

func float(column string) bowyer.Expr { return col(column).Cast(arrow.PrimitiveTypes.Float64) }

// whole is an integer column as a decimal, to be multiplied with decimals.
func whole(column string) bowyer.Expr {
	return col(column).Cast(&arrow.Decimal128Type{Precision: 10, Scale: 0})
}

func like(column, pattern string) bowyer.Expr {
	return bowyer.Func("match_like", bowyer.Options{"pattern": pattern}, col(column))
}

// crossed gives every row the one row of another plan.
func crossed(plan, row bowyer.Plan) bowyer.Plan {
	one := bowyer.Lit(1).As("one")
	return plan.With(one).Join(bowyer.Inner, row.With(one), bowyer.On("one"))
}

// nations are the countries of a region, or all.
func nations(data tables, region string) bowyer.Plan {
	regions := data.plan("region").Filter(col("r_name").Eq(region))
	return data.plan("nation").Join(bowyer.LeftSemi, regions, bowyer.OnPair("n_regionkey", "r_regionkey")).Select("n_nationkey", "n_name")
}

func q1(data tables) bowyer.Plan {
	taxed := col("price").Cast(&arrow.Decimal128Type{Precision: 20, Scale: 4}).Mul(bowyer.Lit(1).Add(col("l_tax")))
	return data.plan("lineitem").Filter(col("l_shipdate").Le(date("1998-09-02"))).
		With(discounted().As("price")).
		With(taxed.As("taxed")).
		GroupBy("l_returnflag", "l_linestatus").
		Agg(bowyer.Sum("l_quantity"), bowyer.Sum("l_extendedprice"), bowyer.Sum("price"), bowyer.Sum("taxed"),
			bowyer.Mean(float("l_quantity")).As("quantity"), bowyer.Mean(float("l_extendedprice")).As("mean_price"),
			bowyer.Mean(float("l_discount")).As("discount"), bowyer.CountAll())
}

func q2(data tables) bowyer.Plan {
	suppliers := data.plan("supplier").Join(bowyer.Inner, nations(data, "EUROPE"), bowyer.OnPair("s_nationkey", "n_nationkey"))
	parts := data.plan("part").Filter(col("p_size").Eq(15).And(col("p_type").EndsWith("BRASS"))).Select("p_partkey", "p_mfgr")
	offers := data.plan("partsupp").
		Join(bowyer.Inner, parts, bowyer.OnPair("ps_partkey", "p_partkey")).
		Join(bowyer.Inner, suppliers, bowyer.OnPair("ps_suppkey", "s_suppkey"))
	cheapest := offers.GroupBy("ps_partkey").Agg(bowyer.Min("ps_supplycost").As("ps_supplycost"))
	return offers.Join(bowyer.LeftSemi, cheapest, bowyer.On("ps_partkey", "ps_supplycost")).
		Sort(bowyer.Desc("s_acctbal"), bowyer.Asc("n_name"), bowyer.Asc("s_name"), bowyer.Asc("p_partkey")).Limit(100).
		Select("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment")
}

func q3(data tables) bowyer.Plan {
	customers := data.plan("customer").Filter(col("c_mktsegment").Eq("BUILDING"))
	orders := data.plan("orders").Filter(col("o_orderdate").Lt(date("1995-03-15"))).
		Join(bowyer.LeftSemi, customers, bowyer.OnPair("o_custkey", "c_custkey")).
		Select("o_orderkey", "o_orderdate", "o_shippriority")
	return data.plan("lineitem").Filter(col("l_shipdate").Gt(date("1995-03-15"))).
		Join(bowyer.Inner, orders, bowyer.OnPair("l_orderkey", "o_orderkey")).
		GroupBy("l_orderkey", "o_orderdate", "o_shippriority").Agg(bowyer.Sum(discounted()).As("revenue")).
		Sort(bowyer.Desc("revenue"), bowyer.Asc("o_orderdate")).Limit(10).
		Select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
}

func q4(data tables) bowyer.Plan {
	late := data.plan("lineitem").Filter(col("l_commitdate").Lt(col("l_receiptdate")))
	return data.plan("orders").Filter(from("o_orderdate", "1993-07-01", "1993-10-01")).
		Join(bowyer.LeftSemi, late, bowyer.OnPair("o_orderkey", "l_orderkey")).
		GroupBy("o_orderpriority").Agg(bowyer.CountAll())
}

func q5(data tables) bowyer.Plan {
	suppliers := data.plan("supplier").
		Join(bowyer.Inner, nations(data, "ASIA"), bowyer.OnPair("s_nationkey", "n_nationkey")).
		Select("s_suppkey", "s_nationkey", "n_name")
	orders := data.plan("orders").Filter(from("o_orderdate", "1994-01-01", "1995-01-01")).
		Join(bowyer.Inner, data.plan("customer").Select("c_custkey", "c_nationkey"), bowyer.OnPair("o_custkey", "c_custkey")).
		Select("o_orderkey", "c_nationkey")
	return data.plan("lineitem").
		Join(bowyer.Inner, orders, bowyer.OnPair("l_orderkey", "o_orderkey")).
		Join(bowyer.Inner, suppliers, bowyer.OnPair("l_suppkey", "s_suppkey").Pair("c_nationkey", "s_nationkey")).
		GroupBy("n_name").Agg(bowyer.Sum(discounted()).As("revenue"))
}

func q6(data tables) bowyer.Plan {
	kept := from("l_shipdate", "1994-01-01", "1995-01-01").
		And(col("l_discount").Between(0.05, 0.07)).And(col("l_quantity").Lt(24))
	return data.plan("lineitem").Filter(kept).
		GroupBy().Agg(bowyer.Sum(col("l_extendedprice").Mul(col("l_discount"))).As("revenue"))
}

func q7(data tables) bowyer.Plan {
	two := data.plan("nation").Filter(col("n_name").IsIn("FRANCE", "GERMANY"))
	suppliers := data.plan("supplier").
		Join(bowyer.Inner, two.Select("n_nationkey", col("n_name").As("supp_nation")), bowyer.OnPair("s_nationkey", "n_nationkey")).
		Select("s_suppkey", "supp_nation")
	customers := data.plan("customer").
		Join(bowyer.Inner, two.Select("n_nationkey", col("n_name").As("cust_nation")), bowyer.OnPair("c_nationkey", "n_nationkey")).
		Select("c_custkey", "cust_nation")
	orders := data.plan("orders").Join(bowyer.Inner, customers, bowyer.OnPair("o_custkey", "c_custkey")).Select("o_orderkey", "cust_nation")
	return data.plan("lineitem").Filter(col("l_shipdate").Between(date("1995-01-01"), date("1996-12-31"))).
		Join(bowyer.Inner, suppliers, bowyer.OnPair("l_suppkey", "s_suppkey")).
		Join(bowyer.Inner, orders, bowyer.OnPair("l_orderkey", "o_orderkey")).
		Filter(col("supp_nation").Ne(col("cust_nation"))).
		GroupBy("supp_nation", "cust_nation", col("l_shipdate").Year().As("l_year")).Agg(bowyer.Sum(discounted()).As("revenue"))
}

func q8(data tables) bowyer.Plan {
	parts := data.plan("part").Filter(col("p_type").Eq("ECONOMY ANODIZED STEEL")).Select("p_partkey")
	customers := data.plan("customer").Join(bowyer.LeftSemi, nations(data, "AMERICA"), bowyer.OnPair("c_nationkey", "n_nationkey"))
	orders := data.plan("orders").Filter(col("o_orderdate").Between(date("1995-01-01"), date("1996-12-31"))).
		Join(bowyer.LeftSemi, customers, bowyer.OnPair("o_custkey", "c_custkey")).Select("o_orderkey", "o_orderdate")
	suppliers := data.plan("supplier").
		Join(bowyer.Inner, data.plan("nation").Select("n_nationkey", "n_name"), bowyer.OnPair("s_nationkey", "n_nationkey")).
		Select("s_suppkey", "n_name")
	return data.plan("lineitem").
		Join(bowyer.LeftSemi, parts, bowyer.OnPair("l_partkey", "p_partkey")).
		Join(bowyer.Inner, orders, bowyer.OnPair("l_orderkey", "o_orderkey")).
		Join(bowyer.Inner, suppliers, bowyer.OnPair("l_suppkey", "s_suppkey")).
		With(discounted().As("volume")).
		With(bowyer.If(col("n_name").Eq("BRAZIL"), col("volume"), 0).As("brazilian")).
		GroupBy(col("o_orderdate").Year().As("o_year")).
		Agg(bowyer.Sum("brazilian"), bowyer.Sum("volume")).
		Select("o_year", float("brazilian_sum").Div(float("volume_sum")).As("share"))
}

func q9(data tables) bowyer.Plan {
	parts := data.plan("part").Filter(col("p_name").Contains("green")).Select("p_partkey")
	suppliers := data.plan("supplier").
		Join(bowyer.Inner, data.plan("nation").Select("n_nationkey", "n_name"), bowyer.OnPair("s_nationkey", "n_nationkey")).
		Select("s_suppkey", "n_name")
	offers := data.plan("partsupp").Join(bowyer.LeftSemi, parts, bowyer.OnPair("ps_partkey", "p_partkey")).
		Select("ps_partkey", "ps_suppkey", "ps_supplycost")
	amount := discounted().Sub(col("ps_supplycost").Mul(col("l_quantity")))
	return data.plan("lineitem").
		Join(bowyer.Inner, offers, bowyer.OnPair("l_partkey", "ps_partkey").Pair("l_suppkey", "ps_suppkey")).
		Join(bowyer.Inner, suppliers, bowyer.OnPair("l_suppkey", "s_suppkey")).
		Join(bowyer.Inner, data.plan("orders").Select("o_orderkey", "o_orderdate"), bowyer.OnPair("l_orderkey", "o_orderkey")).
		GroupBy("n_name", col("o_orderdate").Year().As("o_year")).Agg(bowyer.Sum(amount).As("profit"))
}

func q10(data tables) bowyer.Plan {
	orders := data.plan("orders").Filter(from("o_orderdate", "1993-10-01", "1994-01-01")).Select("o_orderkey", "o_custkey")
	spent := data.plan("lineitem").Filter(col("l_returnflag").Eq("R")).
		Join(bowyer.Inner, orders, bowyer.OnPair("l_orderkey", "o_orderkey")).
		GroupBy("o_custkey").Agg(bowyer.Sum(discounted()).As("revenue"))
	// The customer's number settles what else is told of them.
	return spent.Sort(bowyer.Desc("revenue")).Limit(20).
		Join(bowyer.Inner, data.plan("customer"), bowyer.OnPair("o_custkey", "c_custkey")).
		Join(bowyer.Inner, data.plan("nation"), bowyer.OnPair("c_nationkey", "n_nationkey")).
		Select("c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment")
}

func q11(data tables) bowyer.Plan {
	german := data.plan("nation").Filter(col("n_name").Eq("GERMANY"))
	suppliers := data.plan("supplier").Join(bowyer.LeftSemi, german, bowyer.OnPair("s_nationkey", "n_nationkey"))
	stock := data.plan("partsupp").Join(bowyer.LeftSemi, suppliers, bowyer.OnPair("ps_suppkey", "s_suppkey")).
		Select("ps_partkey", col("ps_supplycost").Mul(whole("ps_availqty")).As("value"))
	count := data.plan("supplier").GroupBy().Agg(bowyer.CountAll().As("suppliers"))
	least := crossed(stock.GroupBy().Agg(bowyer.Sum("value").As("total")), count).
		Select(float("total").Mul(0.0001).Div(float("suppliers").Div(10_000.0)).As("least"))
	return crossed(stock.GroupBy("ps_partkey").Agg(bowyer.Sum("value").As("value")), least).
		Filter(float("value").Gt(col("least"))).Select("ps_partkey", "value")
}
