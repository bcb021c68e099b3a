// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

const testdata = "../../../testdata"

func TestAnswerIsThatOfDuckDBAndNothingIsCopied(t *testing.T) {
	bowyertest.NoLeaks(t)
	var out strings.Builder
	settings := settings{
		data:   filepath.Join(testdata, "nycflights13"),
		golden: filepath.Join(testdata, "golden", "flights.csv"),
		out:    filepath.Join(t.TempDir(), "delays.parquet"),
		rows:   3,
	}
	if err := run(t.Context(), &out, settings); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"carrier", "Endeavor Air Inc.", "rows more", "golden answer", "written: ", "Go to Rust: ", "bytes copied: 0\n",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the output lacks %q:\n%s", part, out.String())
		}
	}
	if info, err := os.Stat(settings.out); err != nil || info.Size() == 0 {
		t.Errorf("the Parquet file: %v", err)
	}
}
