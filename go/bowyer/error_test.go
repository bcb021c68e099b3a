// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

func TestErrorMatchesItsSentinelAndThatOfArrow(t *testing.T) {
	err := error(errorf(CodeTypeMismatch, "no overload"))
	for _, target := range []error{ErrTypeMismatch, arrow.ErrType} {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
	for _, target := range []error{ErrOverflow, arrow.ErrInvalid, context.Canceled, io.EOF} {
		if errors.Is(err, target) {
			t.Errorf("%v is %v", err, target)
		}
	}
	if !errors.Is(errorf(CodeCancelled, ""), context.Canceled) || !errors.Is(errorf(CodeDeadlineExceeded, ""), context.DeadlineExceeded) {
		t.Error("the ends of a context do not match its errors")
	}
}

func TestTranslateReadsEveryFieldOfAFailure(t *testing.T) {
	detail, err := proto.Marshal(&wire.ErrorDetail{
		Code: 10, Function: "add_checked", Path: "project[2].columns[1]", Input: "sales", Batch: 3, Row: 17,
		Column: "sum", Argument: "0", Origin: "shop/main.go:12", QueryId: "q7",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := translate(&cabi.Failure{Code: 10, Message: "9 + 9 does not fit", Detail: detail, Cause: io.ErrUnexpectedEOF})
	want := Error{
		Code: CodeOverflow, Message: "9 + 9 does not fit", Function: "add_checked", Path: "project[2].columns[1]", Input: "sales",
		Batch: 3, Row: 17, Column: "sum", Argument: "0", Origin: "shop/main.go:12", QueryID: "q7", Cause: io.ErrUnexpectedEOF,
	}
	if own, ok := got.(*Error); !ok || *own != want {
		t.Errorf("got %+v", got)
	}
	text := "project[2].columns[1]: add_checked: input sales batch 3: row 17: 9 + 9 does not fit (written at shop/main.go:12)"
	if got.Error() != text {
		t.Errorf("got %q", got.Error())
	}
	if !errors.Is(got, io.ErrUnexpectedEOF) || !errors.Is(got, ErrOverflow) {
		t.Error("the cause or the code is lost")
	}
	if translate(nil) != nil || translate(io.EOF) != io.EOF {
		t.Error("other errors change")
	}
}

func TestCodesHaveNames(t *testing.T) {
	if got := CodeMemoryLimit.String(); got != "MemoryLimit" {
		t.Error(got)
	}
	if got := Code(900).String(); got != "Code(900)" {
		t.Error(got)
	}
}
