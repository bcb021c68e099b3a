// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
)

const readRows = 64 << 10 // rows of a batch

// scanParquet starts a plan over a Parquet file. The file is opened when the plan runs, and only the columns that the plan needs
// are read.
func scanParquet(path string) (bowyer.Plan, error) {
	opened, reader, err := openParquet(path)
	if err != nil {
		return bowyer.Plan{}, err
	}
	defer opened.Close()
	schema, err := reader.Schema()
	if err != nil {
		return bowyer.Plan{}, err
	}
	return bowyer.FromReader(schema, func(ctx context.Context, request bowyer.ScanRequest) (array.RecordReader, error) {
		opened, reader, err := openParquet(path)
		if err != nil {
			return nil, err
		}
		columns := make([]int, len(request.Columns))
		for i, name := range request.Columns {
			columns[i] = opened.MetaData().Schema.ColumnIndexByName(name)
		}
		batches, err := reader.GetRecordReader(ctx, columns, nil)
		if err != nil {
			opened.Close()
			return nil, err
		}
		return &parquetReader{batches, opened}, nil
	}), nil
}

func openParquet(path string) (*file.Reader, *pqarrow.FileReader, error) {
	opened, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, nil, err
	}
	reader, err := pqarrow.NewFileReader(opened, pqarrow.ArrowReadProperties{BatchSize: readRows}, memory.DefaultAllocator)
	if err != nil {
		opened.Close()
		return nil, nil, err
	}
	return opened, reader, nil
}

// parquetReader closes the file when it is released.
type parquetReader struct {
	pqarrow.RecordReader
	file *file.Reader
}

// Release gives the reader back. The plan holds its one reference.
func (r *parquetReader) Release() {
	r.RecordReader.Release()
	r.file.Close()
}

func writeParquet(path string, schema *arrow.Schema, batches []arrow.RecordBatch) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	writer, err := pqarrow.NewFileWriter(schema, out, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		out.Close()
		return err
	}
	for _, batch := range batches {
		if err := writer.Write(batch); err != nil {
			writer.Close()
			return err
		}
	}
	return writer.Close() // closes the file too
}
