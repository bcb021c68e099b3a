// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/bowyer-arrow/bowyer/go/bowyer"

// planner builds a question's plan over the tables of its dataset.
type planner func(data tables) bowyer.Plan

// questions are those of benches/peers/questions.py that Bowyer can express, in the same columns.
var questions = map[string]planner{
	"g1": func(data tables) bowyer.Plan { return data.plan("x").GroupBy("id1").Agg(bowyer.Sum("v1")) },
	"g2": func(data tables) bowyer.Plan { return data.plan("x").GroupBy("id1", "id2").Agg(bowyer.Sum("v1")) },
	"g3": func(data tables) bowyer.Plan {
		return data.plan("x").GroupBy("id3").Agg(bowyer.Sum("v1"), bowyer.Mean("v3"))
	},
	"g4": func(data tables) bowyer.Plan {
		return data.plan("x").GroupBy("id4").Agg(bowyer.Mean("v1"), bowyer.Mean("v2"), bowyer.Mean("v3"))
	},
	"g5": func(data tables) bowyer.Plan {
		return data.plan("x").GroupBy("id6").Agg(bowyer.Sum("v1"), bowyer.Sum("v2"), bowyer.Sum("v3"))
	},
	"g6": func(data tables) bowyer.Plan {
		return data.plan("x").GroupBy("id4", "id5").Agg(bowyer.Median("v3"), bowyer.StdDev("v3").Option("ddof", 1))
	},
	"g7": func(data tables) bowyer.Plan {
		extremes := data.plan("x").GroupBy("id3").Agg(bowyer.Max("v1"), bowyer.Min("v2"))
		return extremes.Select("id3", bowyer.Col("v1_max").Sub(bowyer.Col("v2_min")).As("range"))
	},
	"g8": func(data tables) bowyer.Plan {
		largest := bowyer.Over("id6").OrderBy(bowyer.Desc("v3"))
		placed := data.plan("x").Filter(bowyer.Col("v3").IsValid()).Window(largest, bowyer.RowNumber().As("place"))
		return placed.Filter(bowyer.Col("place").Le(2)).Select("id6", "v3")
	},
	"g9": func(data tables) bowyer.Plan {
		correlated := bowyer.Aggregate("corr", nil, bowyer.Col("v1"), bowyer.Col("v2")).As("r")
		grouped := data.plan("x").GroupBy("id2", "id4").Agg(correlated)
		return grouped.Select("id2", "id4", bowyer.Col("r").Mul(bowyer.Col("r")).As("r2"))
	},
	"g10": func(data tables) bowyer.Plan {
		return data.plan("x").GroupBy("id1", "id2", "id3", "id4", "id5", "id6").Agg(bowyer.Sum("v3"), bowyer.CountAll())
	},
	"j1": func(data tables) bowyer.Plan { return joined(data, bowyer.Inner, "small", "id1") },
	"j2": func(data tables) bowyer.Plan { return joined(data, bowyer.Inner, "medium", "id2") },
	"j3": func(data tables) bowyer.Plan { return joined(data, bowyer.Left, "medium", "id2") },
	"j4": func(data tables) bowyer.Plan { return joined(data, bowyer.Inner, "medium", "id5") },
	"j5": func(data tables) bowyer.Plan { return joined(data, bowyer.Inner, "big", "id3") },
	"sum": func(data tables) bowyer.Plan {
		return data.plan("x").GroupBy().Agg(bowyer.Sum("value"))
	},
	"filter_group_sum": func(data tables) bowyer.Plan {
		return data.plan("x").Filter(bowyer.Col("value").Ge(500_000)).GroupBy("key").Agg(bowyer.Sum("value"))
	},
}

func joined(data tables, kind bowyer.JoinKind, right, key string) bowyer.Plan {
	return data.plan("x").Join(kind, data.plan(right), bowyer.On(key).Suffix("_right"))
}
