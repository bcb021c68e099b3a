// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Options are the named options of a function: booleans, integers, floats, strings, slices of these, or an arrow.DataType. Names
// and defaults are in the function manual.
type Options map[string]any

// encodeOptions writes options in the order of their names.
func encodeOptions(options Options) ([]*wire.Option, *Error) {
	out := make([]*wire.Option, 0, len(options))
	for name, value := range options {
		literal, err := literalOf(value)
		if err != nil {
			err.Argument = name
			err.Message = "option " + name + ": " + err.Message
			return nil, err
		}
		out = append(out, &wire.Option{Name: name, Value: literal})
	}
	slices.SortFunc(out, func(a, b *wire.Option) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// literalOf writes a Go value as a constant. A type stands for the option of that type: a null that carries it.
func literalOf(value any) (*wire.Literal, *Error) {
	switch v := value.(type) {
	case nil:
		return &wire.Literal{Value: &wire.Literal_Null{Null: true}}, nil
	case []byte:
		return &wire.Literal{Value: &wire.Literal_Binary{Binary: slices.Clone(v)}}, nil
	case time.Time:
		return &wire.Literal{Value: &wire.Literal_Instant{
			Instant: &wire.Instant{Seconds: v.Unix(), Nanoseconds: uint32(v.Nanosecond())},
		}}, nil
	case time.Duration:
		return typedLiteral(arrow.FixedWidthTypes.Duration_ns, int64(v))
	case arrow.Date32:
		return typedLiteral(arrow.FixedWidthTypes.Date32, int64(v))
	case arrow.Date64:
		return typedLiteral(arrow.FixedWidthTypes.Date64, int64(v))
	case arrow.Timestamp, arrow.Time32, arrow.Time64, arrow.Duration:
		return nil, errorf(CodeInvalidArgument, "a literal of Go type %T has no unit: use LitOf with its Arrow type, or a time.Time", value)
	case arrow.DataType:
		return typedLiteral(v, nil)
	case scalar.Scalar:
		return literalOfScalar(v)
	case arrow.Array:
		return literalOfArray(v)
	}
	return literalOfKind(reflect.ValueOf(value))
}

func literalOfKind(v reflect.Value) (*wire.Literal, *Error) {
	switch v.Kind() {
	case reflect.Bool:
		return &wire.Literal{Value: &wire.Literal_Boolean{Boolean: v.Bool()}}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &wire.Literal{Value: &wire.Literal_Int64{Int64: v.Int()}}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return &wire.Literal{Value: &wire.Literal_Uint64{Uint64: v.Uint()}}, nil
		}
		return &wire.Literal{Value: &wire.Literal_Int64{Int64: int64(v.Uint())}}, nil
	case reflect.Float32, reflect.Float64:
		return &wire.Literal{Value: &wire.Literal_Float64{Float64: v.Float()}}, nil
	case reflect.String:
		return &wire.Literal{Value: &wire.Literal_Utf8{Utf8: v.String()}}, nil
	case reflect.Slice, reflect.Array:
		list := &wire.LiteralList{}
		for i := range v.Len() {
			literal, err := literalOf(v.Index(i).Interface())
			if err != nil {
				return nil, err
			}
			list.Values = append(list.Values, literal)
		}
		return &wire.Literal{Value: &wire.Literal_List{List: list}}, nil
	}
	return nil, errorf(CodeInvalidArgument, "a value of Go type %s cannot be a literal", v.Type())
}

// typedLiteral writes a value with an explicit Arrow type.
func typedLiteral(dataType arrow.DataType, value any) (*wire.Literal, *Error) {
	field := &wire.Field{Nullable: true}
	if err := encodeType(field, dataType); err != nil {
		return nil, asError(err)
	}
	switch v := value.(type) {
	case decimal128.Num:
		return decimalLiteral(dataType, v)
	case decimal256.Num:
		return decimalLiteral(dataType, v)
	case arrow.Date32, arrow.Date64, arrow.Timestamp, arrow.Time32, arrow.Time64, arrow.Duration:
		value = reflect.ValueOf(value).Int()
	case time.Duration:
		unit, ok := dataType.(*arrow.DurationType)
		if !ok {
			return nil, errorf(CodeTypeMismatch, "a time.Duration is no value of type %s", dataType)
		}
		if v%unit.Unit.Multiplier() != 0 {
			return nil, errorf(CodeInvalidData, "%s is no whole number of %s", v, unit.Unit)
		}
		value = int64(v / unit.Unit.Multiplier())
	case scalar.Scalar:
		if !arrow.TypeEqual(v.DataType(), dataType) {
			return nil, errorf(CodeTypeMismatch, "the scalar is of type %s, not %s", v.DataType(), dataType)
		}
		return literalOfScalar(v)
	}
	literal, err := literalOf(value)
	if err != nil {
		return nil, err
	}
	literal.Type = field
	return literal, nil
}

func decimalLiteral(dataType arrow.DataType, value any) (*wire.Literal, *Error) {
	made, err := scalar.MakeScalarParam(value, dataType)
	if err != nil {
		return nil, errorf(CodeTypeMismatch, "a decimal is no value of type %s", dataType)
	}
	return literalOfScalar(made)
}

// literalOfScalar writes an Arrow scalar as a batch of one row: exact for every type.
func literalOfScalar(value scalar.Scalar) (*wire.Literal, *Error) {
	if !value.IsValid() {
		return typedLiteral(value.DataType(), nil)
	}
	column, err := scalar.MakeArrayFromScalar(value, 1, memory.DefaultAllocator)
	if err != nil {
		return nil, errorf(CodeInvalidArgument, "scalar of type %s: %v", value.DataType(), err)
	}
	defer column.Release()
	return literalOfRow(column)
}

// literalOfArray writes an array, as the value of an option, as one list.
func literalOfArray(values arrow.Array) (*wire.Literal, *Error) {
	if released(values) {
		return nil, errorf(CodeInvalidState, "the array was released, or is a nil pointer")
	}
	offsets := memory.NewBufferBytes(arrow.Int64Traits.CastToBytes([]int64{0, int64(values.Len())}))
	data := array.NewData(arrow.LargeListOf(values.DataType()), 1, []*memory.Buffer{nil, offsets}, []arrow.ArrayData{values.Data()}, 0, 0)
	defer data.Release()
	list := array.MakeFromData(data)
	defer list.Release()
	return literalOfRow(list)
}

// literalOfRow writes a column of one row.
func literalOfRow(column arrow.Array) (*wire.Literal, *Error) {
	dataType := column.DataType()
	schema := arrow.NewSchema([]arrow.Field{{Name: "value", Type: dataType, Nullable: true}}, nil)
	batch := array.NewRecordBatch(schema, []arrow.Array{column}, 1)
	defer batch.Release()
	var out bytes.Buffer
	writer := ipc.NewWriter(&out, ipc.WithSchema(schema))
	err := writer.Write(batch)
	if closing := writer.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, errorf(CodeInvalidArgument, "a literal of type %s: %v", dataType, err)
	}
	field := &wire.Field{Nullable: true}
	if err := encodeType(field, dataType); err != nil {
		return nil, asError(err)
	}
	return &wire.Literal{Value: &wire.Literal_Ipc{Ipc: out.Bytes()}, Type: field}, nil
}
