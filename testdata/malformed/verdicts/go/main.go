// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

// Command go says whether arrow-go takes a case of the corpus of malformed arrays, with how many nulls, or why not.
//
//	go LIBRARY FOLDER INDEX
//
// LIBRARY is what the Rust crate beside it builds, and knows the cases of FOLDER.
package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

typedef int32_t (*malformed_case)(const char *folder, size_t index, void **schema, void **array);

static int32_t open_case(const char *library, const char *folder, size_t index, void **schema, void **array) {
	void *handle = dlopen(library, RTLD_NOW);
	malformed_case open = handle ? (malformed_case)dlsym(handle, "malformed_case") : NULL;
	return open ? open(folder, index, schema, array) : 2;
}
*/
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
)

func main() {
	index := -1
	if len(os.Args) == 4 {
		index, _ = strconv.Atoi(os.Args[3])
	}
	if index < 0 {
		fmt.Fprintln(os.Stderr, "usage: go LIBRARY FOLDER INDEX")
		os.Exit(1)
	}
	var schemaAt, arrayAt unsafe.Pointer
	library, folder := C.CString(os.Args[1]), C.CString(os.Args[2])
	defer C.free(unsafe.Pointer(library))
	defer C.free(unsafe.Pointer(folder))
	if C.open_case(library, folder, C.size_t(index), &schemaAt, &arrayAt) != 0 {
		fmt.Fprintln(os.Stderr, "no such case")
		os.Exit(1)
	}
	nulls, err := verdict((*cdata.CArrowSchema)(schemaAt), (*cdata.CArrowArray)(arrayAt))
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Println("refused", line)
		return
	}
	fmt.Println("accepted", nulls)
}

// verdict imports an array and validates it in full, wherever its type can.
func verdict(schema *cdata.CArrowSchema, data *cdata.CArrowArray) (int, error) {
	_, imported, err := cdata.ImportCArray(data, schema)
	if err != nil {
		return 0, err
	}
	if err := validate(imported); err != nil {
		return 0, err
	}
	return imported.NullN(), nil
}

func validate(values arrow.Array) error {
	if checked, ok := values.(interface{ ValidateFull() error }); ok {
		if err := checked.ValidateFull(); err != nil {
			return err
		}
	}
	switch values := values.(type) {
	case *array.Struct:
		for at := range values.NumField() {
			if err := validate(values.Field(at)); err != nil {
				return err
			}
		}
	case array.Union:
		for at := range values.NumFields() {
			if err := validate(values.Field(at)); err != nil {
				return err
			}
		}
	case *array.Map:
		return validate(values.ListValues())
	case array.ListLike:
		return validate(values.ListValues())
	case *array.Dictionary:
		return validate(values.Dictionary())
	case *array.RunEndEncoded:
		return validate(values.Values())
	}
	return nil
}
