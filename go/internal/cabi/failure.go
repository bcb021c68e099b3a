// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"context"
	"errors"
	"fmt"
)

// Codes that this package itself gives; the whole table is proto/bowyer/v1/errors.toml.
const (
	codeInvalidArgument      = 1
	codeTypeMismatch         = 2
	codeNotImplemented       = 5
	codeLimitExceeded        = 13
	codeCancelled            = 15
	codeDeadlineExceeded     = 16
	codeInvalidState         = 17
	codeUserFunction         = 19
	codeWorkerLost           = 20
	codeQuarantined          = 21
	codeIsolationUnavailable = 22
	codeInternal             = 23
)

// Failure is an error of the native library, or of this package in the library's terms.
type Failure struct {
	Code    int32
	Message string
	Detail  []byte // an encoded wire.ErrorDetail; empty when there is none
	Cause   error  // of a cancelled context: its cause
}

func (f *Failure) Error() string { return f.Message }

// Unwrap returns the cause, if any.
func (f *Failure) Unwrap() error { return f.Cause }

// ErrNoCgo is what every call returns in a program built without cgo.
var ErrNoCgo error = &Failure{
	Code:    codeNotImplemented,
	Message: "this program was built without cgo: plans can be built and checked, but running them needs CGO_ENABLED=1 or a worker process",
}

func failf(code int32, format string, values ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, values...)}
}

func closedFailure(what string) *Failure {
	return failf(codeInvalidState, "%s is closed", what)
}

// contextFailure says why the context ended.
func contextFailure(ctx context.Context) *Failure {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Failure{Code: codeDeadlineExceeded, Message: "deadline exceeded", Cause: joinCause(cause, context.DeadlineExceeded)}
	}
	return &Failure{Code: codeCancelled, Message: "cancelled", Cause: joinCause(cause, context.Canceled)}
}

// joinCause keeps errors.Is true for the context's own error when the caller gave a cause of its own.
func joinCause(cause, contextError error) error {
	if cause == nil || errors.Is(cause, contextError) {
		return contextError
	}
	return errors.Join(contextError, cause)
}

// take copies the native error and releases it; code is what the call returned.
func (c *crossing) take(code int32) error { return c.takeFor(context.Background(), code) }

// takeFor is take for a call that may have failed because its context ended.
func (c *crossing) takeFor(ctx context.Context, code int32) error {
	failure := &Failure{Code: code}
	if c.failure.messageLen > 0 {
		failure.Message = string(sliceAt[byte](c.failure.message, int(c.failure.messageLen)))
	}
	if c.failure.detailLen > 0 {
		failure.Detail = append([]byte(nil), sliceAt[byte](c.failure.detail, int(c.failure.detailLen))...)
	}
	if c.failure.release != 0 {
		nativeErrorRelease(address(&c.failure))
	}
	if failure.Message == "" {
		failure.Message = fmt.Sprintf("the native library failed with code %d", code)
	}
	if ctx.Err() != nil && (code == codeCancelled || code == codeDeadlineExceeded) {
		ended := contextFailure(ctx)
		ended.Message, ended.Detail = failure.Message, failure.Detail
		return ended
	}
	switch code {
	case codeCancelled:
		failure.Cause = context.Canceled
	case codeDeadlineExceeded:
		failure.Cause = context.DeadlineExceeded
	}
	return failure
}
