// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package seal_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/seal"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func numbers() arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, nil)
	return b.NewRecordBatch()
}

func Example() {
	var key seal.Key // from where the program keeps its secrets
	_, err := rand.Read(key[:])
	check(err)
	batch := numbers()
	defer batch.Release()

	// An Arrow IPC stream, sealed.
	var rest bytes.Buffer
	sealer, err := seal.NewWriter(&rest, key)
	check(err)
	writer := ipc.NewWriter(sealer, ipc.WithSchema(batch.Schema()))
	check(writer.Write(batch))
	check(writer.Close())
	check(sealer.Close())

	// Read by who has the key.
	opened, err := seal.NewReader(bytes.NewReader(rest.Bytes()), key)
	check(err)
	reader, err := ipc.NewReader(opened)
	check(err)
	defer reader.Release()
	for reader.Next() {
		fmt.Println(reader.RecordBatch().Column(0))
	}
	check(reader.Err())

	// Changed meanwhile: no byte of it reaches the decoder.
	changed := bytes.Clone(rest.Bytes())
	changed[len(changed)/2] ^= 1
	opened, err = seal.NewReader(bytes.NewReader(changed), key)
	check(err)
	_, err = ipc.NewReader(opened)
	fmt.Println(errors.Is(err, seal.ErrBroken))
	// Output:
	// [1 2 3]
	// true
}

func ExampleOpen() {
	var key seal.Key
	batch := numbers()
	defer batch.Release()
	var rest bytes.Buffer
	sealer, err := seal.NewWriter(&rest, key)
	check(err)
	writer, err := ipc.NewFileWriter(sealer, ipc.WithSchema(batch.Schema()))
	check(err)
	check(writer.Write(batch))
	check(writer.Close())
	check(sealer.Close())

	file, err := seal.Open(bytes.NewReader(rest.Bytes()), int64(rest.Len()), key)
	check(err)
	reader, err := ipc.NewFileReader(file)
	check(err)
	defer reader.Close()
	again, err := reader.RecordBatch(0)
	check(err)
	fmt.Println(reader.NumRecords(), again.Column(0))
	// Output: 1 [1 2 3]
}
