// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Keys under which the Arrow C Data Interface carries an extension type in a field's metadata.
const (
	extensionNameKey     = "ARROW:extension:name"
	extensionMetadataKey = "ARROW:extension:metadata"
)

// encodeSchema writes a schema in the words of the contract.
func encodeSchema(schema *arrow.Schema) (*wire.Schema, error) {
	out := &wire.Schema{Metadata: encodeMetadata(schema.Metadata())}
	for _, field := range schema.Fields() {
		encoded, err := encodeField(field)
		if err != nil {
			return nil, err
		}
		out.Fields = append(out.Fields, encoded)
	}
	return out, nil
}

func encodeMetadata(metadata arrow.Metadata) []*wire.KeyValue {
	var out []*wire.KeyValue
	for i, key := range metadata.Keys() {
		out = append(out, &wire.KeyValue{Key: key, Value: metadata.Values()[i]})
	}
	return out
}

func encodeField(field arrow.Field) (*wire.Field, error) {
	out := &wire.Field{Name: field.Name, Nullable: field.Nullable, Metadata: encodeMetadata(field.Metadata)}
	if err := encodeType(out, field.Type); err != nil {
		return nil, err
	}
	return out, nil
}

// encodeType fills in the format, children, dictionary and flags of a type.
func encodeType(out *wire.Field, dataType arrow.DataType) error {
	if dataType == nil {
		return errorf(CodeInvalidArgument, "field %q has no type", out.GetName())
	}
	format, err := cabi.Format(dataType)
	if err != nil {
		return translate(err)
	}
	out.Format = format
	var children []arrow.Field
	switch t := dataType.(type) {
	case arrow.ExtensionType:
		out.Metadata = append(out.Metadata,
			&wire.KeyValue{Key: extensionNameKey, Value: t.ExtensionName()},
			&wire.KeyValue{Key: extensionMetadataKey, Value: t.Serialize()})
		return encodeType(out, t.StorageType())
	case *arrow.DictionaryType:
		out.DictionaryOrdered = t.Ordered
		out.Dictionary = &wire.Field{Nullable: true}
		return encodeType(out.Dictionary, t.ValueType)
	case *arrow.MapType:
		out.MapKeysSorted = t.KeysSorted
		children = t.Fields()
	case arrow.NestedType:
		children = t.Fields()
	}
	for _, child := range children {
		encoded, err := encodeField(child)
		if err != nil {
			return err
		}
		out.Children = append(out.Children, encoded)
	}
	return nil
}
