// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// literal is an array, or a scalar as an array of one row.
type literal struct {
	values   arrow.Array
	isScalar bool
}

// readLiteral reads a literal such as `int32 [1, null]` or `scalar string "a"`. The caller must Release its values.
func readLiteral(mem memory.Allocator, text string) (literal, error) {
	return parse(text, func(r *reader) literal {
		isScalar := r.eat("scalar ")
		dataType := r.dataType()
		value := r.value()
		values, isList := value.([]any)
		switch {
		case isScalar:
			values = []any{value}
		case !isList:
			r.fail("an array is a list of values, not %v", value)
		}
		return literal{buildArray(r, mem, dataType, values), isScalar}
	})
}

// buildArray makes an array of any type from values.
func buildArray(r *reader, mem memory.Allocator, dataType arrow.DataType, values []any) arrow.Array {
	switch dataType := dataType.(type) {
	case *arrow.DictionaryType:
		plain := buildArray(r, mem, dataType.ValueType, values)
		defer plain.Release()
		builder := array.NewBuilder(mem, dataType).(array.DictionaryBuilder)
		defer builder.Release()
		if err := builder.AppendArray(plain); err != nil {
			r.fail("%v", err)
		}
		return builder.NewArray()
	case *arrow.RunEndEncodedType:
		builder := array.NewBuilder(mem, dataType).(*array.RunEndEncodedBuilder)
		defer builder.Release()
		for i, value := range values {
			if i > 0 && reflect.DeepEqual(value, values[i-1]) {
				builder.ContinueRun(1)
				continue
			}
			builder.Append(1)
			appendValue(r, builder.ValueBuilder(), value)
		}
		return builder.NewArray()
	}
	builder := array.NewBuilder(mem, dataType)
	defer builder.Release()
	for _, value := range values {
		appendValue(r, builder, value)
	}
	return builder.NewArray()
}

func appendValue(r *reader, builder array.Builder, value any) {
	if value == nil {
		builder.AppendNull()
		return
	}
	switch b := builder.(type) {
	case *array.BooleanBuilder:
		b.Append(as[bool](r, value))
	case *array.StringBuilder:
		b.Append(as[string](r, value))
	case *array.LargeStringBuilder:
		b.Append(as[string](r, value))
	case *array.StringViewBuilder:
		b.Append(as[string](r, value))
	case *array.BinaryBuilder:
		b.Append([]byte(as[string](r, value)))
	case *array.BinaryViewBuilder:
		b.Append([]byte(as[string](r, value)))
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte(as[string](r, value)))
	case array.DictionaryBuilder:
		plain := buildArray(r, memory.DefaultAllocator, b.Type().(*arrow.DictionaryType).ValueType, []any{value})
		defer plain.Release()
		if err := b.AppendArray(plain); err != nil {
			r.fail("%v", err)
		}
	case *array.StructBuilder:
		b.Append(true)
		members := as[[]member](r, value)
		for i := range b.NumField() {
			appendValue(r, b.FieldBuilder(i), memberOf(members, b.Type().(*arrow.StructType).Field(i).Name))
		}
	case *array.MapBuilder:
		b.Append(true)
		for _, pair := range as[[]any](r, value) {
			sides := as[[]any](r, pair)
			appendValue(r, b.KeyBuilder(), sides[0])
			appendValue(r, b.ItemBuilder(), sides[1])
		}
	case *array.FixedSizeListBuilder:
		b.Append(true)
		for _, item := range as[[]any](r, value) {
			appendValue(r, b.ValueBuilder(), item)
		}
	case array.VarLenListLikeBuilder:
		list := as[[]any](r, value)
		b.AppendWithSize(true, len(list))
		for _, item := range list {
			appendValue(r, b.ValueBuilder(), item)
		}
	default:
		appendFixedWidth(r, builder, value)
	}
}

func as[T any](r *reader, value any) T {
	typed, ok := value.(T)
	if !ok {
		r.fail("%v is no %T", value, typed)
	}
	return typed
}

func memberOf(members []member, name string) any {
	for _, candidate := range members {
		if candidate.name == name {
			return candidate.value
		}
	}
	return nil
}

func appendFixedWidth(r *reader, builder array.Builder, value any) {
	switch b := builder.(type) {
	case *array.Int8Builder:
		b.Append(int8(signed(r, value, 8)))
	case *array.Int16Builder:
		b.Append(int16(signed(r, value, 16)))
	case *array.Int32Builder:
		b.Append(int32(signed(r, value, 32)))
	case *array.Int64Builder:
		b.Append(signed(r, value, 64))
	case *array.Uint8Builder:
		b.Append(uint8(unsigned(r, value, 8)))
	case *array.Uint16Builder:
		b.Append(uint16(unsigned(r, value, 16)))
	case *array.Uint32Builder:
		b.Append(uint32(unsigned(r, value, 32)))
	case *array.Uint64Builder:
		b.Append(unsigned(r, value, 64))
	case *array.Float16Builder:
		b.Append(float16.New(float32(float(r, value, 32))))
	case *array.Float32Builder:
		b.Append(float32(float(r, value, 32)))
	case *array.Float64Builder:
		b.Append(float(r, value, 64))
	case *array.Decimal32Builder:
		b.Append(decimal.Decimal32(scaled(r, value, b.Type()).Int64()))
	case *array.Decimal64Builder:
		b.Append(decimal.Decimal64(scaled(r, value, b.Type()).Int64()))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromBigInt(scaled(r, value, b.Type())))
	case *array.Decimal256Builder:
		b.Append(decimal256.FromBigInt(scaled(r, value, b.Type())))
	case *array.Date32Builder:
		b.Append(arrow.Date32(moment(r, value, b.Type())))
	case *array.Date64Builder:
		b.Append(arrow.Date64(moment(r, value, b.Type())))
	case *array.Time32Builder:
		b.Append(arrow.Time32(moment(r, value, b.Type())))
	case *array.Time64Builder:
		b.Append(arrow.Time64(moment(r, value, b.Type())))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(moment(r, value, b.Type())))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(signed(r, value, 64)))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(signed(r, value, 32)))
	case *array.DayTimeIntervalBuilder:
		parts := as[[]any](r, value)
		b.Append(arrow.DayTimeInterval{Days: int32(signed(r, parts[0], 32)), Milliseconds: int32(signed(r, parts[1], 32))})
	case *array.MonthDayNanoIntervalBuilder:
		parts := as[[]any](r, value)
		b.Append(arrow.MonthDayNanoInterval{Months: int32(signed(r, parts[0], 32)), Days: int32(signed(r, parts[1], 32)), Nanoseconds: signed(r, parts[2], 64)})
	default:
		r.fail("no literals of %s", builder.Type())
	}
}

func signed(r *reader, value any, bits int) int64 {
	parsed, err := strconv.ParseInt(string(as[number](r, value)), 10, bits)
	if err != nil {
		r.fail("%v", err)
	}
	return parsed
}

func unsigned(r *reader, value any, bits int) uint64 {
	parsed, err := strconv.ParseUint(string(as[number](r, value)), 10, bits)
	if err != nil {
		r.fail("%v", err)
	}
	return parsed
}

func float(r *reader, value any, bits int) float64 {
	parsed, err := strconv.ParseFloat(string(as[number](r, value)), bits)
	if err != nil && parsed == 0 {
		r.fail("%v", err)
	}
	return parsed
}

// scaled reads digits with an optional point and moves it to the type's scale.
func scaled(r *reader, value any, dataType arrow.DataType) *big.Int {
	text := fmt.Sprint(value)
	whole, places, _ := strings.Cut(text, ".")
	missing := int(dataType.(arrow.DecimalType).GetScale()) - len(places)
	if missing < 0 {
		r.fail("%s has too many places", text)
	}
	digits, ok := new(big.Int).SetString(whole+places+strings.Repeat("0", missing), 10)
	if !ok {
		r.fail("%s is no decimal", text)
	}
	return digits
}

// moment reads a date, a time of day or a timestamp; text without an offset is UTC.
func moment(r *reader, value any, dataType arrow.DataType) int64 {
	text, isText := value.(string)
	if !isText {
		return signed(r, value, 64)
	}
	var at time.Time
	var err error
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04", "2006-01-02", "15:04:05.999999999", "15:04"} {
		if at, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	if err != nil {
		r.fail("%q is no value of %s", text, dataType)
	}
	seconds, nanoseconds := at.Unix(), int64(at.Nanosecond())
	unit := arrow.Second
	switch dataType := dataType.(type) {
	case *arrow.Date32Type:
		return floorDivide(seconds, 86_400)
	case *arrow.Date64Type:
		return floorDivide(seconds, 86_400) * 86_400_000
	case *arrow.Time32Type:
		unit, seconds = dataType.Unit, secondsOfDay(at)
	case *arrow.Time64Type:
		unit, seconds = dataType.Unit, secondsOfDay(at)
	case *arrow.TimestampType:
		unit = dataType.Unit
	}
	perSecond := int64(time.Second / unit.Multiplier())
	return seconds*perSecond + nanoseconds/int64(unit.Multiplier())
}

func secondsOfDay(at time.Time) int64 {
	return int64(at.Hour())*3600 + int64(at.Minute())*60 + int64(at.Second())
}

func floorDivide(value, by int64) int64 {
	quotient := value / by
	if value%by < 0 {
		quotient--
	}
	return quotient
}
