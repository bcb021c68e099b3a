// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

var flatTypes = func() map[string]arrow.DataType {
	all := []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint16,
		arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint64,
		arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary, arrow.BinaryTypes.BinaryView,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView,
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64,
		arrow.FixedWidthTypes.MonthInterval, arrow.FixedWidthTypes.DayTimeInterval, arrow.FixedWidthTypes.MonthDayNanoInterval,
	}
	types := make(map[string]arrow.DataType, len(all))
	for _, t := range all {
		if format, err := cabi.Format(t); err == nil {
			types[format] = t
		}
	}
	return types
}()

func unitOf(letter byte) (arrow.TimeUnit, bool) {
	i := strings.IndexByte("smun", letter)
	return arrow.TimeUnit(i), i >= 0
}

// maxTypeDepth bounds the nesting of a type that is read from a stored plan.
const maxTypeDepth = 64

// decodeSchema reads a schema that a stored plan carries.
func decodeSchema(schema *wire.Schema) (*arrow.Schema, error) {
	fields, err := decodeFields(schema.GetFields(), 0)
	if err != nil {
		return nil, err
	}
	metadata := decodeMetadata(schema.GetMetadata())
	return arrow.NewSchema(fields, &metadata), nil
}

func decodeFields(fields []*wire.Field, depth int) ([]arrow.Field, error) {
	out := make([]arrow.Field, len(fields))
	for i, field := range fields {
		decoded, err := decodeField(field, depth)
		if err != nil {
			return nil, err
		}
		out[i] = decoded
	}
	return out, nil
}

func decodeMetadata(pairs []*wire.KeyValue) arrow.Metadata {
	keys, values := make([]string, len(pairs)), make([]string, len(pairs))
	for i, pair := range pairs {
		keys[i], values[i] = pair.GetKey(), pair.GetValue()
	}
	return arrow.NewMetadata(keys, values)
}

func decodeField(field *wire.Field, depth int) (arrow.Field, error) {
	dataType, err := decodeType(field, depth)
	if err != nil {
		return arrow.Field{}, err
	}
	metadata := decodeMetadata(field.GetMetadata())
	if name, ok := metadata.GetValue(extensionNameKey); ok {
		if registered := arrow.GetExtensionType(name); registered != nil {
			serialized, _ := metadata.GetValue(extensionMetadataKey)
			extension, err := registered.Deserialize(dataType, serialized)
			if err != nil {
				return arrow.Field{}, errorf(CodeInvalidArgument, "field %q: extension type %q: %v", field.GetName(), name, err)
			}
			dataType = extension
			metadata = withoutExtension(metadata)
		}
	}
	return arrow.Field{Name: field.GetName(), Type: dataType, Nullable: field.GetNullable(), Metadata: metadata}, nil
}

func withoutExtension(metadata arrow.Metadata) arrow.Metadata {
	var keys, values []string
	for i, key := range metadata.Keys() {
		if key != extensionNameKey && key != extensionMetadataKey {
			keys, values = append(keys, key), append(values, metadata.Values()[i])
		}
	}
	return arrow.NewMetadata(keys, values)
}

func decodeType(field *wire.Field, depth int) (arrow.DataType, error) {
	if depth > maxTypeDepth {
		return nil, errorf(CodeLimitExceeded, "a type nests deeper than %d", maxTypeDepth)
	}
	format := field.GetFormat()
	plain, err := decodeFormat(format)
	if err != nil {
		return nil, err
	}
	if plain == nil {
		return decodeNested(field, depth)
	}
	if field.GetDictionary() == nil {
		return plain, nil
	}
	if !arrow.IsInteger(plain.ID()) {
		return nil, malformed(field)
	}
	values, err := decodeType(field.GetDictionary(), depth+1)
	if err != nil {
		return nil, err
	}
	return &arrow.DictionaryType{IndexType: plain, ValueType: values, Ordered: field.GetDictionaryOrdered()}, nil
}

func malformed(field *wire.Field) error {
	return errorf(CodeInvalidArgument, "field %q: type format %q is malformed", field.GetName(), field.GetFormat())
}

// decodeFormat reads the format of a type without children; nil for one that has them.
func decodeFormat(format string) (arrow.DataType, error) {
	if plain, ok := flatTypes[format]; ok {
		return plain, nil
	}
	bad := errorf(CodeInvalidArgument, "type format %q is malformed", format)
	switch {
	case strings.HasPrefix(format, "+"):
		return nil, nil
	case strings.HasPrefix(format, "w:"):
		width, err := strconv.Atoi(format[2:])
		if err != nil || width < 0 {
			return nil, bad
		}
		return &arrow.FixedSizeBinaryType{ByteWidth: width}, nil
	case strings.HasPrefix(format, "d:"):
		return decodeDecimal(format, bad)
	case len(format) >= 3 && format[0] == 't':
		unit, ok := unitOf(format[2])
		switch {
		case !ok:
		case format[1] == 's' && len(format) >= 4 && format[3] == ':':
			return &arrow.TimestampType{Unit: unit, TimeZone: format[4:]}, nil
		case format[1] == 'D' && len(format) == 3:
			return &arrow.DurationType{Unit: unit}, nil
		case format[1] == 't' && len(format) == 3 && unit <= arrow.Millisecond:
			return &arrow.Time32Type{Unit: unit}, nil
		case format[1] == 't' && len(format) == 3:
			return &arrow.Time64Type{Unit: unit}, nil
		}
	}
	return nil, bad
}

func decodeDecimal(format string, bad error) (arrow.DataType, error) {
	numbers := [3]int{0, 0, 128}
	parts := strings.Split(format[2:], ",")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, bad
	}
	for i, part := range parts {
		number, err := strconv.Atoi(part)
		if err != nil {
			return nil, bad
		}
		numbers[i] = number
	}
	precision, scale := int32(numbers[0]), int32(numbers[1])
	ids := map[int]arrow.Type{32: arrow.DECIMAL32, 64: arrow.DECIMAL64, 128: arrow.DECIMAL128, 256: arrow.DECIMAL256}
	id, ok := ids[numbers[2]]
	if !ok {
		return nil, bad
	}
	decimal, err := arrow.NewDecimalType(id, precision, scale)
	if err != nil {
		return nil, bad
	}
	return decimal, nil
}

func decodeNested(field *wire.Field, depth int) (arrow.DataType, error) {
	children, err := decodeFields(field.GetChildren(), depth+1)
	if err != nil {
		return nil, err
	}
	format := field.GetFormat()
	if format == "+s" {
		return arrow.StructOf(children...), nil
	}
	if strings.HasPrefix(format, "+us:") || strings.HasPrefix(format, "+ud:") {
		return decodeUnion(field, children)
	}
	if format == "+r" && len(children) == 2 {
		return arrow.RunEndEncodedOf(children[0].Type, children[1].Type), nil
	}
	if len(children) != 1 {
		return nil, malformed(field)
	}
	child := children[0]
	switch format {
	case "+l":
		return arrow.ListOfField(child), nil
	case "+L":
		return arrow.LargeListOfField(child), nil
	case "+vl":
		return arrow.ListViewOfField(child), nil
	case "+vL":
		return arrow.LargeListViewOfField(child), nil
	case "+m":
		entries, ok := child.Type.(*arrow.StructType)
		if !ok || entries.NumFields() != 2 {
			return nil, malformed(field)
		}
		t := arrow.MapOfFields(entries.Field(0), entries.Field(1))
		t.KeysSorted = field.GetMapKeysSorted()
		return t, nil
	}
	if rest, ok := strings.CutPrefix(format, "+w:"); ok {
		length, err := strconv.ParseInt(rest, 10, 32)
		if err == nil && length >= 0 {
			return arrow.FixedSizeListOfField(int32(length), child), nil
		}
	}
	return nil, malformed(field)
}

func decodeUnion(field *wire.Field, children []arrow.Field) (arrow.DataType, error) {
	var codes []arrow.UnionTypeCode
	if list := field.GetFormat()[4:]; list != "" {
		for _, text := range strings.Split(list, ",") {
			code, err := strconv.ParseInt(text, 10, 8)
			if err != nil || code < 0 {
				return nil, malformed(field)
			}
			codes = append(codes, arrow.UnionTypeCode(code))
		}
	}
	if len(codes) != len(children) {
		return nil, malformed(field)
	}
	if field.GetFormat()[2] == 'd' {
		return arrow.DenseUnionOf(children, codes), nil
	}
	return arrow.SparseUnionOf(children, codes), nil
}
