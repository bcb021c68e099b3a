// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package fn

import "github.com/bowyer-arrow/bowyer/go/bowyer"

// Value is an argument: an arrow.Array, an *arrow.Chunked or a scalar.Scalar.
type Value = bowyer.Value

// Opt is an option that may be unset. Its zero value is unset: the function then takes its default.
type Opt[T any] struct {
	value T
	set   bool
}

// Some sets an option.
func Some[T any](value T) Opt[T] { return Opt[T]{value: value, set: true} }

// Value returns the option's value and whether it is set.
func (o Opt[T]) Value() (T, bool) { return o.value, o.set }

func (o Opt[T]) put(set bowyer.Options, name string) {
	if o.set {
		set[name] = o.value
	}
}

// optionsOf collects what is set; of several structs the later ones win.
func optionsOf[T interface{ given(bowyer.Options) }](options []T) bowyer.Options {
	if len(options) == 0 {
		return nil
	}
	set := bowyer.Options{}
	for _, each := range options {
		each.given(set)
	}
	return set
}
