// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/bowyer-arrow/bowyer/go/bowyer"

// tpch are TPC-H's questions; benches/peers/tpch.sql has them as SQL, in the same columns. Subqueries are written as the joins that
// they are.
var tpch = map[string]planner{
	"q1": q1, "q2": q2, "q3": q3, "q4": q4, "q5": q5, "q6": q6, "q7": q7, "q8": q8, "q9": q9, "q10": q10, "q11": q11,
	"q12": q12, "q13": q13, "q14": q14, "q15": q15, "q16": q16, "q17": q17, "q18": q18, "q19": q19, "q20": q20, "q21": q21, "q22": q22,
}

func q12(data tables) bowyer.Plan {
	kept := col("l_shipmode").IsIn("MAIL", "SHIP").
		And(col("l_commitdate").Lt(col("l_receiptdate"))).And(col("l_shipdate").Lt(col("l_commitdate"))).
		And(from("l_receiptdate", "1994-01-01", "1995-01-01"))
	urgent := col("o_orderpriority").IsIn("1-URGENT", "2-HIGH")
	lines := data.plan("lineitem").Filter(kept).Select("l_orderkey", "l_shipmode")
	return data.plan("orders").Join(bowyer.Inner, lines, bowyer.OnPair("o_orderkey", "l_orderkey")).
		With(bowyer.If(urgent, 1, 0).As("high"), bowyer.If(urgent, 0, 1).As("low")).
		GroupBy("l_shipmode").Agg(bowyer.Sum("high"), bowyer.Sum("low"))
}

func q13(data tables) bowyer.Plan {
	orders := data.plan("orders").Filter(like("o_comment", "%special%requests%").Not()).Select("o_orderkey", "o_custkey")
	return data.plan("customer").Join(bowyer.Left, orders, bowyer.OnPair("c_custkey", "o_custkey")).
		GroupBy("c_custkey").Agg(bowyer.Count("o_orderkey").As("c_count")).
		GroupBy("c_count").Agg(bowyer.CountAll())
}

func q14(data tables) bowyer.Plan {
	parts := data.plan("part").Select("p_partkey", col("p_type").StartsWith("PROMO").As("promoted"))
	return data.plan("lineitem").Filter(from("l_shipdate", "1995-09-01", "1995-10-01")).
		Join(bowyer.Inner, parts, bowyer.OnPair("l_partkey", "p_partkey")).
		With(discounted().As("volume")).
		With(bowyer.If(col("promoted"), col("volume"), 0).As("promotion")).
		GroupBy().Agg(bowyer.Sum("promotion"), bowyer.Sum("volume")).
		Select(bowyer.Lit(100.0).Mul(float("promotion_sum")).Div(float("volume_sum")).As("share"))
}

func q15(data tables) bowyer.Plan {
	revenue := data.plan("lineitem").Filter(from("l_shipdate", "1996-01-01", "1996-04-01")).
		GroupBy("l_suppkey").Agg(bowyer.Sum(discounted()).As("total_revenue"))
	most := revenue.GroupBy().Agg(bowyer.Max("total_revenue").As("total_revenue"))
	return revenue.Join(bowyer.LeftSemi, most, bowyer.On("total_revenue")).
		Join(bowyer.Inner, data.plan("supplier"), bowyer.OnPair("l_suppkey", "s_suppkey")).
		Select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
}

func q16(data tables) bowyer.Plan {
	kept := col("p_brand").Ne("Brand#45").And(col("p_type").StartsWith("MEDIUM POLISHED").Not()).
		And(col("p_size").IsIn(49, 14, 23, 45, 19, 3, 36, 9))
	parts := data.plan("part").Filter(kept).Select("p_partkey", "p_brand", "p_type", "p_size")
	complained := data.plan("supplier").Filter(like("s_comment", "%Customer%Complaints%"))
	return data.plan("partsupp").
		Join(bowyer.Inner, parts, bowyer.OnPair("ps_partkey", "p_partkey")).
		Join(bowyer.LeftAnti, complained, bowyer.OnPair("ps_suppkey", "s_suppkey")).
		GroupBy("p_brand", "p_type", "p_size").Agg(bowyer.CountDistinct("ps_suppkey"))
}

func q17(data tables) bowyer.Plan {
	parts := data.plan("part").Filter(col("p_brand").Eq("Brand#23").And(col("p_container").Eq("MED BOX")))
	lines := data.plan("lineitem").Join(bowyer.LeftSemi, parts, bowyer.OnPair("l_partkey", "p_partkey")).
		Select("l_partkey", "l_extendedprice", float("l_quantity").As("quantity"))
	few := lines.GroupBy("l_partkey").Agg(bowyer.Mean("quantity").As("mean"))
	return lines.Join(bowyer.Inner, few, bowyer.On("l_partkey")).
		Filter(col("quantity").Lt(col("mean").Mul(0.2))).
		GroupBy().Agg(bowyer.Sum("l_extendedprice").As("total")).
		Select(float("total").Div(7.0).As("avg_yearly"))
}

func q18(data tables) bowyer.Plan {
	large := data.plan("lineitem").GroupBy("l_orderkey").Agg(bowyer.Sum("l_quantity").As("quantity")).
		Filter(col("quantity").Gt(300))
	return data.plan("orders").Join(bowyer.Inner, large, bowyer.OnPair("o_orderkey", "l_orderkey")).
		Join(bowyer.Inner, data.plan("customer").Select("c_custkey", "c_name"), bowyer.OnPair("o_custkey", "c_custkey")).
		Sort(bowyer.Desc("o_totalprice"), bowyer.Asc("o_orderdate")).Limit(100).
		Select("c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice", "quantity")
}

func q19(data tables) bowyer.Plan {
	sold := func(brand string, containers []any, least, size int) bowyer.Expr {
		return col("p_brand").Eq(brand).And(col("p_container").IsIn(containers...)).
			And(col("l_quantity").Between(least, least+10)).And(col("p_size").Between(1, size))
	}
	either := sold("Brand#12", []any{"SM CASE", "SM BOX", "SM PACK", "SM PKG"}, 1, 5).
		Or(sold("Brand#23", []any{"MED BAG", "MED BOX", "MED PKG", "MED PACK"}, 10, 10)).
		Or(sold("Brand#34", []any{"LG CASE", "LG BOX", "LG PACK", "LG PKG"}, 20, 15))
	shipped := col("l_shipmode").IsIn("AIR", "AIR REG").And(col("l_shipinstruct").Eq("DELIVER IN PERSON"))
	parts := data.plan("part").Select("p_partkey", "p_brand", "p_container", "p_size")
	return data.plan("lineitem").Filter(shipped).
		Join(bowyer.Inner, parts, bowyer.OnPair("l_partkey", "p_partkey")).Filter(either).
		GroupBy().Agg(bowyer.Sum(discounted()).As("revenue"))
}

func q20(data tables) bowyer.Plan {
	parts := data.plan("part").Filter(col("p_name").StartsWith("forest"))
	sold := data.plan("lineitem").Filter(from("l_shipdate", "1994-01-01", "1995-01-01")).
		Join(bowyer.LeftSemi, parts, bowyer.OnPair("l_partkey", "p_partkey")).
		GroupBy("l_partkey", "l_suppkey").Agg(bowyer.Sum("l_quantity").As("sold"))
	plenty := data.plan("partsupp").
		Join(bowyer.Inner, sold, bowyer.OnPair("ps_partkey", "l_partkey").Pair("ps_suppkey", "l_suppkey")).
		Filter(float("ps_availqty").Gt(float("sold").Mul(0.5)))
	canadian := data.plan("nation").Filter(col("n_name").Eq("CANADA"))
	return data.plan("supplier").
		Join(bowyer.LeftSemi, canadian, bowyer.OnPair("s_nationkey", "n_nationkey")).
		Join(bowyer.LeftSemi, plenty, bowyer.OnPair("s_suppkey", "ps_suppkey")).
		Select("s_name", "s_address")
}

func q21(data tables) bowyer.Plan {
	saudi := data.plan("nation").Filter(col("n_name").Eq("SAUDI ARABIA"))
	suppliers := data.plan("supplier").
		Join(bowyer.LeftSemi, saudi, bowyer.OnPair("s_nationkey", "n_nationkey")).Select("s_suppkey", "s_name")
	late := data.plan("lineitem").Filter(col("l_receiptdate").Gt(col("l_commitdate"))).Select("l_orderkey", "l_suppkey")
	orders := data.plan("orders").Filter(col("o_orderstatus").Eq("F")).Select("o_orderkey")
	accused := late.Join(bowyer.Inner, suppliers, bowyer.OnPair("l_suppkey", "s_suppkey")).
		Join(bowyer.LeftSemi, orders, bowyer.OnPair("l_orderkey", "o_orderkey"))
	// Of the orders in question alone: one supplier of an order is its least and its greatest.
	of := func(lines bowyer.Plan) bowyer.Plan {
		return lines.Join(bowyer.LeftSemi, accused, bowyer.On("l_orderkey")).GroupBy("l_orderkey").
			Agg(bowyer.Min("l_suppkey").As("least"), bowyer.Max("l_suppkey").As("greatest"))
	}
	several := of(data.plan("lineitem").Select("l_orderkey", "l_suppkey")).Filter(col("least").Ne(col("greatest")))
	blamed := of(late).Filter(col("least").Eq(col("greatest")))
	return accused.
		Join(bowyer.LeftSemi, several, bowyer.On("l_orderkey")).
		Join(bowyer.LeftSemi, blamed, bowyer.On("l_orderkey")).
		GroupBy("s_name").Agg(bowyer.CountAll().As("numwait")).
		Sort(bowyer.Desc("numwait"), bowyer.Asc("s_name")).Limit(100)
}

func q22(data tables) bowyer.Plan {
	customers := data.plan("customer").With(col("c_phone").Slice(0, 2).As("cntrycode")).
		Filter(col("cntrycode").IsIn("13", "31", "23", "29", "30", "18", "17")).
		Select("c_custkey", "cntrycode", "c_acctbal", float("c_acctbal").As("balance"))
	mean := customers.Filter(col("balance").Gt(0.0)).GroupBy().Agg(bowyer.Mean("balance").As("mean"))
	return crossed(customers, mean).Filter(col("balance").Gt(col("mean"))).
		Join(bowyer.LeftAnti, data.plan("orders"), bowyer.OnPair("c_custkey", "o_custkey")).
		GroupBy("cntrycode").Agg(bowyer.CountAll(), bowyer.Sum("c_acctbal"))
}
