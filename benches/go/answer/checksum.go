// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// description lets results of any order be compared, in any language; benches/peers/checksum.py says how, and is its twin.
type description struct {
	Rows     int64               `json:"rows"`
	RowsHash string              `json:"rows_hash"`
	Columns  []columnDescription `json:"columns"`
}

type columnDescription struct {
	Nulls     int64    `json:"nulls"`
	Hash      *string  `json:"hash,omitempty"`
	Sum       *float64 `json:"sum,omitempty"`
	Magnitude *float64 `json:"magnitude,omitempty"`
	Weighted  *float64 `json:"weighted,omitempty"`
}

// nullHash stands for a null in hashes.
var nullHash = splitmix64(0x6E756C6C)

// splitmix64 scrambles a number.
func splitmix64(n uint64) uint64 {
	z := (n + 1) * 0x9E3779B97F4A7C15
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

func hashText(text string) uint64 {
	var sum uint64
	for i := range len(text) {
		sum += (uint64(text[i]) + 1) * splitmix64(uint64(i))
	}
	return splitmix64(sum)
}

// totals are the sums over one column.
type totals struct {
	nulls                    int64
	hash                     uint64
	sum, magnitude, weighted float64
	float                    bool
}

func describe(result arrow.Table) (description, error) {
	columns := make([]totals, result.NumCols())
	var rowsHash uint64
	reader := array.NewTableReader(result, 1<<20)
	defer reader.Release()
	for reader.Next() {
		batch := reader.RecordBatch()
		rows := make([]uint64, batch.NumRows())
		for i, column := range batch.Columns() {
			if columns[i].float = isFloat(column.DataType()); columns[i].float {
				continue
			}
			if err := columns[i].addHashes(column, rows); err != nil {
				return description{}, err
			}
		}
		for _, hash := range rows {
			rowsHash += hash
		}
		for i, column := range batch.Columns() {
			if columns[i].float {
				columns[i].addFloats(column, rows)
			}
		}
	}
	described := description{Rows: result.NumRows(), RowsHash: hex(rowsHash), Columns: make([]columnDescription, len(columns))}
	for i, column := range columns {
		described.Columns[i].Nulls = column.nulls
		switch {
		case result.NumRows() == 0:
		case column.float:
			described.Columns[i].Sum, described.Columns[i].Magnitude = &column.sum, &column.magnitude
			described.Columns[i].Weighted = &column.weighted
		default:
			hash := hex(column.hash)
			described.Columns[i].Hash = &hash
		}
	}
	return described, reader.Err()
}

// isFloat is whether values are compared with a tolerance.
func isFloat(dataType arrow.DataType) bool {
	decimal, is := dataType.(arrow.DecimalType)
	return arrow.IsFloating(dataType.ID()) || is && decimal.GetScale() > 0
}

func hex(hash uint64) string { return fmt.Sprintf("%016x", hash) }

// addHashes adds a column's hashes to its totals, and mixes them into those of the rows.
func (t *totals) addHashes(column arrow.Array, rows []uint64) error {
	hash, err := hasher(column)
	if err != nil {
		return err
	}
	for row := range rows {
		value := nullHash
		if column.IsNull(row) {
			t.nulls++
		} else {
			value = hash(row)
		}
		t.hash += value
		rows[row] = splitmix64(rows[row] + value)
	}
	return nil
}

func hasher(column arrow.Array) (func(row int) uint64, error) {
	switch column := column.(type) {
	case *array.Boolean:
		return func(row int) uint64 {
			if column.Value(row) {
				return splitmix64(1)
			}
			return splitmix64(0)
		}, nil
	case *array.Int8:
		return func(row int) uint64 { return splitmix64(uint64(int64(column.Value(row)))) }, nil
	case *array.Int32:
		return func(row int) uint64 { return splitmix64(uint64(int64(column.Value(row)))) }, nil
	case *array.Int64:
		return func(row int) uint64 { return splitmix64(uint64(column.Value(row))) }, nil
	case *array.Uint64:
		return func(row int) uint64 { return splitmix64(column.Value(row)) }, nil
	case *array.Date32:
		return func(row int) uint64 { return splitmix64(uint64(int64(column.Value(row)) * 86_400)) }, nil
	case *array.Decimal128:
		return func(row int) uint64 { return splitmix64(column.Value(row).LowBits()) }, nil
	case *array.String:
		return func(row int) uint64 { return hashText(column.Value(row)) }, nil
	case *array.LargeString:
		return func(row int) uint64 { return hashText(column.Value(row)) }, nil
	case *array.StringView:
		return func(row int) uint64 { return hashText(column.Value(row)) }, nil
	case *array.Dictionary:
		values, err := hasher(column.Dictionary())
		return func(row int) uint64 { return values(column.GetValueIndex(row)) }, err
	}
	return nil, fmt.Errorf("results of type %s have no checksum", column.DataType())
}

// addFloats adds a column of floats, weighted by the hashes of their rows. What is not finite counts as null.
func (t *totals) addFloats(column arrow.Array, rows []uint64) {
	for row, hash := range rows {
		value := math.NaN()
		if column.IsValid(row) {
			switch column := column.(type) {
			case *array.Float64:
				value = column.Value(row)
			case *array.Float32:
				value = float64(column.Value(row))
			case *array.Decimal128:
				value = column.Value(row).ToFloat64(column.DataType().(arrow.DecimalType).GetScale())
			}
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			t.nulls++
			continue
		}
		t.sum += value
		t.magnitude += math.Abs(value)
		t.weighted += value * (float64(hash>>11) / (1 << 53))
	}
}
