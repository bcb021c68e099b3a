// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// Code says what kind of failure an [Error] is. Codes are the same in Go, C and Rust.
type Code int32

// String returns the code's name.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}

// Error is what every function of this package returns when it fails. It says what failed and, as far as that is known, where:
// in which function, at which node of the plan, on which row of which input, and which line of Go wrote the expression.
//
// errors.Is matches it against the sentinels of this package ([ErrOverflow]), those of arrow-go (arrow.ErrInvalid), and
// context.Canceled or context.DeadlineExceeded when the context ended it.
type Error struct {
	Code     Code
	Message  string
	Function string // the function that failed, as "divide_checked"
	Path     string // the node of the plan, as "filter[2].predicate"
	Input    string // the input that the failing row came from
	Batch    int64  // of that input; -1 when unknown
	Row      int64  // of that batch; -1 when no single row is to blame or it is unknown
	Column   string
	Argument string
	Origin   string // where in the program the expression was written, as "flights/main.go:42"
	QueryID  string
	Cause    error // what a reader, a callback or the context gave as the reason
}

// Error returns one line: where, what, and the line of code to look at.
func (e *Error) Error() string {
	var text strings.Builder
	part := func(format string, values ...any) {
		fmt.Fprintf(&text, format, values...)
		text.WriteString(": ")
	}
	if e.Path != "" {
		part("%s", e.Path)
	}
	if e.Function != "" {
		part("%s", e.Function)
	}
	if e.Input != "" && e.Batch >= 0 {
		part("input %s batch %d", e.Input, e.Batch)
	} else if e.Input != "" {
		part("input %s", e.Input)
	}
	if e.Row >= 0 {
		part("row %d", e.Row)
	}
	text.WriteString(e.Message)
	if e.Origin != "" {
		fmt.Fprintf(&text, " (written at %s)", e.Origin)
	}
	return text.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target stands for this error's code.
func (e *Error) Is(target error) bool {
	if s, ok := target.(*sentinelError); ok {
		return s.code == e.Code
	}
	if own, ok := arrowErrors[e.Code]; ok && target == own {
		return true
	}
	switch e.Code {
	case CodeCancelled:
		return target == context.Canceled
	case CodeDeadlineExceeded:
		return target == context.DeadlineExceeded
	}
	return false
}

// sentinelError is one of the Err values: comparable by identity, matched by code.
type sentinelError struct{ code Code }

func (s *sentinelError) Error() string { return "bowyer: " + s.code.String() }

func sentinel(code Code) error { return &sentinelError{code} }

// errorf makes an error that knows no row.
func errorf(code Code, format string, values ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, values...), Batch: -1, Row: -1}
}

// at says where the failing thing was written, unless that is known already.
func (e *Error) at(where origin) *Error {
	if e.Origin == "" {
		e.Origin = where.String()
	}
	return e
}

// translate turns a failure of the boundary into an Error. Other errors pass unchanged.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var failure *cabi.Failure
	if !errors.As(err, &failure) {
		return err
	}
	out := &Error{Code: Code(failure.Code), Message: failure.Message, Batch: -1, Row: -1, Cause: failure.Cause}
	var detail wire.ErrorDetail
	if len(failure.Detail) == 0 || proto.Unmarshal(failure.Detail, &detail) != nil {
		return out
	}
	out.Function, out.Path = detail.GetFunction(), detail.GetPath()
	out.Input, out.Batch, out.Row = detail.GetInput(), detail.GetBatch(), detail.GetRow()
	out.Column, out.Argument = detail.GetColumn(), detail.GetArgument()
	out.Origin, out.QueryID = detail.GetOrigin(), detail.GetQueryId()
	return out
}

// contextError says why ctx ended, in this package's terms; nil while it has not.
func contextError(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	out := errorf(CodeCancelled, "cancelled")
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		out = errorf(CodeDeadlineExceeded, "deadline exceeded")
	}
	out.Cause = context.Cause(ctx)
	return out
}

// asError returns err as an Error; one that is not of this package is a bug of it.
func asError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	out := errorf(CodeInternal, "%v", err)
	out.Cause = err
	return out
}
