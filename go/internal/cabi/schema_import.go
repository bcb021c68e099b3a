// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// importField reads a field of a native ArrowSchema; everything is copied.
func importField(native *cSchema) (arrow.Field, error) {
	field := arrow.Field{Name: textAt(native.name), Nullable: native.flags&flagNullable != 0}
	field.Metadata = decodeMetadata(native.metadata)
	children := make([]arrow.Field, native.childCount)
	for i, child := range sliceAt[uintptr](native.children, int(native.childCount)) {
		var err error
		if children[i], err = importField((*cSchema)(at(child))); err != nil {
			return field, err
		}
	}
	format := textAt(native.format)
	var err error
	if field.Type, err = parseFormat(format, native.flags, children); err != nil {
		return field, err
	}
	if native.dictionary != 0 {
		values, err := importField((*cSchema)(at(native.dictionary)))
		if err != nil {
			return field, err
		}
		field.Type = &arrow.DictionaryType{IndexType: field.Type, ValueType: values.Type, Ordered: native.flags&flagDictionaryOrdered != 0}
	}
	return rewrapExtension(field)
}

// importSchema reads a native struct schema as the fields of a schema.
func importSchema(native *cSchema) (*arrow.Schema, error) {
	root, err := importField(native)
	if err != nil {
		return nil, err
	}
	structure, ok := root.Type.(*arrow.StructType)
	if !ok {
		return nil, failf(codeInternal, "the native library described a batch as %s, not as a struct", root.Type)
	}
	return arrow.NewSchema(structure.Fields(), &root.Metadata), nil
}

// rewrapExtension turns a storage type with extension metadata into the registered extension type; an unregistered one keeps
// its storage type and its metadata.
func rewrapExtension(field arrow.Field) (arrow.Field, error) {
	at := field.Metadata.FindKey(extensionNameKey)
	if at < 0 {
		return field, nil
	}
	registered := arrow.GetExtensionType(field.Metadata.Values()[at])
	if registered == nil {
		return field, nil
	}
	serialized, _ := field.Metadata.GetValue(extensionMetadataKey)
	extension, err := registered.Deserialize(field.Type, serialized)
	if err != nil {
		return field, &Failure{Code: codeTypeMismatch, Message: "extension type " + registered.ExtensionName() + ": " + err.Error(), Cause: err}
	}
	var keys, values []string
	for i, key := range field.Metadata.Keys() {
		if key != extensionNameKey && key != extensionMetadataKey {
			keys, values = append(keys, key), append(values, field.Metadata.Values()[i])
		}
	}
	field.Type, field.Metadata = extension, arrow.NewMetadata(keys, values)
	return field, nil
}

func decodeMetadata(where uintptr) arrow.Metadata {
	if where == 0 {
		return arrow.Metadata{}
	}
	next := func() int {
		value := binary.NativeEndian.Uint32(sliceAt[byte](where, 4))
		where += 4
		return int(value)
	}
	text := func() string {
		count := next()
		value := string(sliceAt[byte](where, count))
		where += uintptr(count)
		return value
	}
	count := next()
	keys, values := make([]string, count), make([]string, count)
	for i := range count {
		keys[i] = text()
		values[i] = text()
	}
	return arrow.NewMetadata(keys, values)
}

// parseFormat turns a format string into a type; a dictionary's keys come out as their integer type.
func parseFormat(format string, flags int64, children []arrow.Field) (arrow.DataType, error) {
	if simple, ok := simpleTypes[format]; ok {
		return simple, nil
	}
	kind, parameters, _ := strings.Cut(format, ":")
	var dataType arrow.DataType
	var err error
	switch {
	case kind == "d":
		dataType, err = parseDecimal(parameters)
	case kind == "w":
		width := 0
		width, err = strconv.Atoi(parameters)
		dataType = &arrow.FixedSizeBinaryType{ByteWidth: width}
	case len(kind) == 3 && kind[:2] == "ts":
		if unit := strings.IndexByte(unitLetters, kind[2]); unit >= 0 {
			dataType = &arrow.TimestampType{Unit: arrow.TimeUnit(unit), TimeZone: parameters}
		}
	case strings.HasPrefix(kind, "+"):
		dataType, err = parseNested(kind, parameters, flags, children)
	}
	if err != nil || dataType == nil {
		return nil, failf(codeNotImplemented, "the native library named a type that this version does not know: %q", format)
	}
	return dataType, nil
}

func parseDecimal(parameters string) (arrow.DataType, error) {
	parts := strings.Split(parameters, ",")
	numbers := make([]int, len(parts))
	for i, part := range parts {
		var err error
		if numbers[i], err = strconv.Atoi(part); err != nil {
			return nil, err
		}
	}
	if len(numbers) == 2 {
		numbers = append(numbers, 128)
	}
	if len(numbers) != 3 {
		return nil, nil
	}
	precision, scale := int32(numbers[0]), int32(numbers[1])
	switch numbers[2] {
	case 32:
		return &arrow.Decimal32Type{Precision: precision, Scale: scale}, nil
	case 64:
		return &arrow.Decimal64Type{Precision: precision, Scale: scale}, nil
	case 128:
		return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
	case 256:
		return &arrow.Decimal256Type{Precision: precision, Scale: scale}, nil
	}
	return nil, nil
}

func parseNested(kind, parameters string, flags int64, children []arrow.Field) (arrow.DataType, error) {
	switch kind {
	case "+s":
		return arrow.StructOf(children...), nil
	case "+us", "+ud":
		return parseUnion(kind, parameters, children)
	case "+r":
		if len(children) != 2 {
			return nil, nil
		}
		dataType := arrow.RunEndEncodedOf(children[0].Type, children[1].Type)
		dataType.ValueNullable = children[1].Nullable
		return dataType, nil
	}
	if len(children) != 1 {
		return nil, nil
	}
	switch kind {
	case "+l":
		return arrow.ListOfField(children[0]), nil
	case "+L":
		return arrow.LargeListOfField(children[0]), nil
	case "+vl":
		return arrow.ListViewOfField(children[0]), nil
	case "+vL":
		return arrow.LargeListViewOfField(children[0]), nil
	case "+w":
		length, err := strconv.ParseInt(parameters, 10, 32)
		if err != nil {
			return nil, err
		}
		return arrow.FixedSizeListOfField(int32(length), children[0]), nil
	case "+m":
		entries, ok := children[0].Type.(*arrow.StructType)
		if !ok || entries.NumFields() != 2 {
			return nil, nil
		}
		dataType := arrow.MapOfFields(entries.Field(0), entries.Field(1))
		dataType.KeysSorted = flags&flagMapKeysSorted != 0
		return dataType, nil
	}
	return nil, nil
}

func parseUnion(kind, parameters string, children []arrow.Field) (arrow.DataType, error) {
	var codes []arrow.UnionTypeCode
	for part := range strings.SplitSeq(parameters, ",") {
		if part == "" {
			continue
		}
		code, err := strconv.ParseInt(part, 10, 8)
		if err != nil {
			return nil, err
		}
		codes = append(codes, arrow.UnionTypeCode(code))
	}
	mode := arrow.SparseMode
	if kind == "+ud" {
		mode = arrow.DenseMode
	}
	return arrow.UnionOf(mode, children, codes), nil
}
