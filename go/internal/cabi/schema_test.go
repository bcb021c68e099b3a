// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

func TestSchemasOfEveryTypeSurviveExportAndImport(t *testing.T) {
	for _, extension := range []string{"arrow.uuid", "arrow.bool8"} {
		if arrow.GetExtensionType(extension) == nil {
			t.Fatalf("arrow-go no longer registers %s", extension)
		}
	}
	for _, s := range allSamples() {
		described := metadata("unit", "metre", "", "an empty key")
		want := arrow.NewSchema([]arrow.Field{{Name: "värde", Type: s.dataType, Nullable: true, Metadata: metadata("a", "", "b", "two")}, {Name: "", Type: s.dataType}}, &described)
		exported, err := exportSchema(want.Fields(), want.Metadata())
		if err != nil {
			t.Fatal(err)
		}
		got, err := importSchema((*cSchema)(unsafe.Pointer(&exported.words[0])))
		exported.release()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if !got.Equal(want) || !got.Metadata().Equal(want.Metadata()) {
			t.Errorf("%s: got %s, want %s", s.name, got, want)
		}
		for i := range want.NumFields() {
			if !got.Field(i).Metadata.Equal(want.Field(i).Metadata) {
				t.Errorf("%s: field %d has metadata %s", s.name, i, got.Field(i).Metadata)
			}
		}
		if ordered, ok := s.dataType.(*arrow.DictionaryType); ok && got.Field(0).Type.(*arrow.DictionaryType).Ordered != ordered.Ordered {
			t.Errorf("%s: the ordered flag is lost", s.name)
		}
	}
}
