// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// schemaMessage writes fields as a worker reads them: with the formats and the metadata that they have in the C interface.
func schemaMessage(fields []arrow.Field, metadata arrow.Metadata) (*wire.Schema, error) {
	root := schemaNode{}
	if err := root.addChildren(fields); err != nil {
		return nil, err
	}
	schema := &wire.Schema{Metadata: keyValues(encodeMetadata(metadata, nil))}
	for i := range root.children {
		schema.Fields = append(schema.Fields, root.children[i].message())
	}
	return schema, nil
}

func (n *schemaNode) message() *wire.Field {
	field := &wire.Field{
		Name: n.name, Format: n.format, Nullable: n.flags&flagNullable != 0,
		DictionaryOrdered: n.flags&flagDictionaryOrdered != 0, MapKeysSorted: n.flags&flagMapKeysSorted != 0,
		Metadata: keyValues(n.metadata),
	}
	for i := range n.children {
		field.Children = append(field.Children, n.children[i].message())
	}
	if n.dictionary != nil {
		field.Dictionary = n.dictionary.message()
	}
	return field
}

// keyValues reads metadata that encodeMetadata wrote.
func keyValues(encoded []byte) (entries []*wire.KeyValue) {
	if len(encoded) == 0 {
		return nil
	}
	next := func() string {
		count := binary.NativeEndian.Uint32(encoded)
		text := string(encoded[4 : 4+count])
		encoded = encoded[4+count:]
		return text
	}
	count := binary.NativeEndian.Uint32(encoded)
	encoded = encoded[4:]
	for range count {
		entries = append(entries, &wire.KeyValue{Key: next(), Value: next()})
	}
	return entries
}

// schemaOfMessage is the schema that a worker described.
func schemaOfMessage(message *wire.Schema) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(message.GetFields()))
	for i, described := range message.GetFields() {
		var err error
		if fields[i], err = fieldOfMessage(described, 0); err != nil {
			return nil, err
		}
	}
	metadata := metadataOf(message.GetMetadata())
	return arrow.NewSchema(fields, &metadata), nil
}

func fieldOfMessage(message *wire.Field, depth int) (arrow.Field, error) {
	field := arrow.Field{Name: message.GetName(), Nullable: message.GetNullable(), Metadata: metadataOf(message.GetMetadata())}
	if depth > maxDepth {
		return field, failf(codeInternal, "a field is nested more than %d deep", maxDepth)
	}
	children := make([]arrow.Field, len(message.GetChildren()))
	for i, child := range message.GetChildren() {
		var err error
		if children[i], err = fieldOfMessage(child, depth+1); err != nil {
			return field, err
		}
	}
	flags := int64(0)
	if message.GetMapKeysSorted() {
		flags |= flagMapKeysSorted
	}
	var err error
	if field.Type, err = parseFormat(message.GetFormat(), flags, children); err != nil {
		return field, err
	}
	if described := message.GetDictionary(); described != nil {
		values, err := fieldOfMessage(described, depth+1)
		if err != nil {
			return field, err
		}
		field.Type = &arrow.DictionaryType{IndexType: field.Type, ValueType: values.Type, Ordered: message.GetDictionaryOrdered()}
	}
	return rewrapExtension(field)
}

func metadataOf(entries []*wire.KeyValue) arrow.Metadata {
	if len(entries) == 0 {
		return arrow.Metadata{}
	}
	keys, values := make([]string, len(entries)), make([]string, len(entries))
	for i, entry := range entries {
		keys[i], values[i] = entry.GetKey(), entry.GetValue()
	}
	return arrow.NewMetadata(keys, values)
}

// validText is text that a message may hold.
func validText(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}
