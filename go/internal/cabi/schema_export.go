// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

// The metadata keys by which an extension type crosses beside its storage type.
const (
	extensionNameKey     = "ARROW:extension:name"
	extensionMetadataKey = "ARROW:extension:metadata"
)

// schemaNode is one ArrowSchema before it has an address.
type schemaNode struct {
	format, name string
	metadata     []byte
	flags        int64
	children     []schemaNode
	dictionary   *schemaNode
}

// exportedSchema is an ArrowSchema tree in pinned Go memory.
type exportedSchema struct {
	words []uint64
	pins  runtime.Pinner
}

func (s *exportedSchema) address() uintptr { return address(&s.words[0]) }

func (s *exportedSchema) release() { s.pins.Unpin() }

// exportSchema writes a struct of the fields. The caller must release the result after the call that reads it.
func exportSchema(fields []arrow.Field, metadata arrow.Metadata) (*exportedSchema, error) {
	root := schemaNode{format: "+s", metadata: encodeMetadata(metadata, nil)}
	if err := root.addChildren(fields); err != nil {
		return nil, err
	}
	structs, bytes := root.extent()
	s := &exportedSchema{words: make([]uint64, structs+(bytes+wordBytes-1)/wordBytes)}
	s.pins.Pin(&s.words[0])
	w := schemaWriter{words: s.words, base: s.address(), nextStruct: schemaWords, nextByte: structs * wordBytes}
	w.node(0, &root)
	return s, nil
}

func newSchemaNode(field arrow.Field) (schemaNode, error) {
	node := schemaNode{name: field.Name}
	var err error
	if node.format, err = Format(field.Type); err != nil {
		return node, err
	}
	if field.Nullable {
		node.flags |= flagNullable
	}
	extension, _ := field.Type.(arrow.ExtensionType)
	node.metadata = encodeMetadata(field.Metadata, extension)
	switch dataType := storageType(field.Type).(type) {
	case *arrow.DictionaryType:
		if dataType.Ordered {
			node.flags |= flagDictionaryOrdered
		}
		values, err := newSchemaNode(arrow.Field{Type: dataType.ValueType, Nullable: true})
		if err != nil {
			return node, err
		}
		node.dictionary = &values
	case *arrow.MapType:
		if dataType.KeysSorted {
			node.flags |= flagMapKeysSorted
		}
		return node, node.addChildren(dataType.Fields())
	case arrow.NestedType:
		return node, node.addChildren(dataType.Fields())
	}
	return node, nil
}

func (n *schemaNode) addChildren(fields []arrow.Field) error {
	n.children = make([]schemaNode, len(fields))
	for i, field := range fields {
		child, err := newSchemaNode(field)
		if err != nil {
			return err
		}
		n.children[i] = child
	}
	return nil
}

// extent returns the words of the structs and pointer arrays, and the bytes of the strings.
func (n *schemaNode) extent() (words, bytes int) {
	words = schemaWords + len(n.children)
	bytes = len(n.format) + 1 + len(n.name) + 1 + len(n.metadata) + wordBytes // metadata is aligned
	for i := range n.children {
		childWords, childBytes := n.children[i].extent()
		words, bytes = words+childWords, bytes+childBytes
	}
	if n.dictionary != nil {
		childWords, childBytes := n.dictionary.extent()
		words, bytes = words+childWords, bytes+childBytes
	}
	return words, bytes
}

type schemaWriter struct {
	words                []uint64
	base                 uintptr
	nextStruct, nextByte int
}

func (w *schemaWriter) node(word int, n *schemaNode) {
	out := (*cSchema)(unsafe.Pointer(&w.words[word]))
	out.format = w.text(n.format)
	out.name = w.text(n.name)
	if len(n.metadata) > 0 {
		w.nextByte = (w.nextByte + 3) &^ 3
		out.metadata = w.bytes(n.metadata)
	}
	out.flags = n.flags
	out.release = nativeReleaseNothing
	if len(n.children) > 0 {
		list := w.take(len(n.children))
		out.childCount = int64(len(n.children))
		out.children = w.base + uintptr(list*wordBytes)
		for i := range n.children {
			child := w.take(schemaWords)
			w.words[list+i] = uint64(w.base) + uint64(child*wordBytes)
			w.node(child, &n.children[i])
		}
	}
	if n.dictionary != nil {
		dictionary := w.take(schemaWords)
		out.dictionary = w.base + uintptr(dictionary*wordBytes)
		w.node(dictionary, n.dictionary)
	}
}

func (w *schemaWriter) take(words int) int {
	at := w.nextStruct
	w.nextStruct += words
	return at
}

func (w *schemaWriter) text(text string) uintptr {
	where := w.bytes([]byte(text))
	w.nextByte++ // the terminating zero
	return where
}

func (w *schemaWriter) bytes(content []byte) uintptr {
	all := unsafe.Slice((*byte)(unsafe.Pointer(&w.words[0])), len(w.words)*wordBytes)
	at := w.nextByte
	copy(all[at:], content)
	w.nextByte += len(content)
	return w.base + uintptr(at)
}

// encodeMetadata writes key-value pairs as the C data interface has them: native-endian int32 counts and lengths. Keys of
// the extension win over those that the field has already.
func encodeMetadata(metadata arrow.Metadata, extension arrow.ExtensionType) []byte {
	keys, values := metadata.Keys(), metadata.Values()
	if extension != nil {
		own := arrow.NewMetadata([]string{extensionNameKey, extensionMetadataKey}, []string{extension.ExtensionName(), extension.Serialize()})
		keptKeys, keptValues := own.Keys(), own.Values()
		for i, key := range keys {
			if own.FindKey(key) < 0 {
				keptKeys, keptValues = append(keptKeys, key), append(keptValues, values[i])
			}
		}
		keys, values = keptKeys, keptValues
	}
	if len(keys) == 0 {
		return nil
	}
	encoded := binary.NativeEndian.AppendUint32(nil, uint32(len(keys)))
	for i, key := range keys {
		encoded = binary.NativeEndian.AppendUint32(encoded, uint32(len(key)))
		encoded = append(encoded, key...)
		encoded = binary.NativeEndian.AppendUint32(encoded, uint32(len(values[i])))
		encoded = append(encoded, values[i]...)
	}
	return encoded
}
