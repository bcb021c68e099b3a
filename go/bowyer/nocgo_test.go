// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !cgo && !isolated

package bowyer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bowyer-arrow/bowyer/go/bowyer"
	"github.com/bowyer-arrow/bowyer/go/bowyertest"
)

func TestWithoutCgoRunningGivesOneClearError(t *testing.T) {
	bowyertest.NoLeaks(t)
	ctx := t.Context()
	plan := bowyer.FromBatches(sales).Limit(3)
	if err := plan.Err(); err != nil {
		t.Fatal(err)
	}
	_, opening := bowyer.Open(ctx, bowyer.Config{})
	_, running := plan.Run(ctx)
	_, collecting := plan.Collect(ctx)
	_, preparing := plan.Prepare(ctx)
	_, typing := plan.Schema(ctx)
	_, calling := bowyer.Call(ctx, "add", nil)
	for _, err := range []error{opening, running, collecting, preparing, typing, calling} {
		if !errors.Is(err, bowyer.ErrNotImplemented) || !errors.Is(err, arrow.ErrNotImplemented) || !strings.Contains(err.Error(), "CGO_ENABLED=1") {
			t.Errorf("got %v", err)
		}
	}
}
