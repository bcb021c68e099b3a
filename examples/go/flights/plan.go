// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

// delays is the question as a plan: delays, speed, wind and seats of each carrier and month. The same in SQL is
// testdata/golden/flights.sql.
func delays(folder string) (bowyer.Plan, error) {
	tables := map[string]bowyer.Plan{}
	for _, name := range []string{"flights", "airlines", "planes", "weather"} {
		table, err := scanParquet(filepath.Join(folder, name+".parquet"))
		if err != nil {
			return bowyer.Plan{}, err
		}
		tables[name] = table
	}
	col := bowyer.Col
	airlines := tables["airlines"].Select("carrier", col("name").As("airline"))
	planes := tables["planes"].Select("tailnum", col("year").As("plane_year"), "seats")
	weather := tables["weather"].Select("origin", "time_hour", "wind_speed", "precip", "visib")

	hours := col("air_time").Cast(arrow.PrimitiveTypes.Float64).Div(60)
	return tables["flights"].
		Filter(col("dep_delay").IsValid().And(col("arr_delay").IsValid()).And(col("distance").Gt(200))).
		Join(bowyer.Inner, airlines, bowyer.On("carrier")).
		Join(bowyer.Left, planes, bowyer.On("tailnum")).
		Join(bowyer.Left, weather, bowyer.On("origin", "time_hour")).
		With(
			col("dep_delay").Sub(col("arr_delay")).As("gained"),
			col("distance").Cast(arrow.PrimitiveTypes.Float64).Div(hours).As("speed"),
			bowyer.Coalesce(col("wind_speed"), 0.0).Gt(15.0).As("windy"),
		).
		GroupBy("carrier", "airline", "month").
		Agg(
			bowyer.CountAll().As("flights"),
			bowyer.Mean("arr_delay").As("mean_arr_delay"),
			bowyer.Median("arr_delay").As("median_arr_delay"),
			bowyer.Quantile("arr_delay", 0.9).As("q90_arr_delay"),
			bowyer.Mean("gained").As("mean_gained"),
			bowyer.Mean("speed").As("mean_speed"),
			bowyer.Sum(col("windy").Cast(arrow.PrimitiveTypes.Int64)).As("windy_flights"),
			bowyer.Sum("seats").As("seats"),
		).
		Sort(bowyer.Asc("carrier"), bowyer.Asc("month")), nil
}
