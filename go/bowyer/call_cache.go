// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/bowyer-arrow/bowyer/go/internal/cabi"
	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// cachedFunctions bounds the resolved functions that an engine keeps: a program calls few, with few types.
const cachedFunctions = 512

// functionCache holds functions that were resolved for a name, options and argument types, so that a call is one crossing.
type functionCache struct {
	mutex   sync.RWMutex
	entries map[string]*cachedFunction
}

// cachedFunction is released by its last user after it has left the cache.
type cachedFunction struct {
	function *cabi.Function
	users    atomic.Int64
	left     atomic.Bool
}

func (f *cachedFunction) done() {
	if f.users.Add(-1) == 0 && f.left.Load() {
		f.function.Release()
	}
}

func (f *cachedFunction) leave() {
	f.left.Store(true)
	if f.users.Load() == 0 {
		f.function.Release()
	}
}

// acquire returns the resolved function; its user calls done.
func (c *functionCache) acquire(engine *cabi.Engine, name string, options Options, arguments []Value) (*cachedFunction, error) {
	var room [192]byte
	key, literals, err := appendKey(room[:0], name, options, arguments)
	if err != nil {
		return nil, err
	}
	c.mutex.RLock()
	entry := c.entries[string(key)]
	if entry != nil {
		entry.users.Add(1)
	}
	c.mutex.RUnlock()
	if entry != nil {
		return entry, nil
	}
	return c.resolve(engine, string(key), name, options, literals, arguments)
}

func (c *functionCache) resolve(
	engine *cabi.Engine, key, name string, options Options, literals []*wire.Option, arguments []Value,
) (*cachedFunction, error) {
	if literals == nil {
		var err *Error
		if literals, err = encodeOptions(options); err != nil {
			return nil, err
		}
	}
	call, err := proto.Marshal(&wire.FunctionCall{Function: name, Options: literals})
	if err != nil {
		return nil, errorf(CodeInvalidArgument, "the call cannot be encoded: %v", err)
	}
	fields := make([]arrow.Field, len(arguments))
	for i, argument := range arguments {
		fields[i] = arrow.Field{Name: strconv.Itoa(i), Type: argument.DataType(), Nullable: true}
	}
	function, err := engine.Resolve(call, fields)
	if err != nil {
		return nil, err
	}
	entry := &cachedFunction{function: function}
	entry.users.Add(1)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if other := c.entries[key]; other != nil { // another goroutine was faster
		entry.left.Store(true)
		entry.done()
		other.users.Add(1)
		return other, nil
	}
	if c.entries == nil {
		c.entries = make(map[string]*cachedFunction)
	}
	if len(c.entries) >= cachedFunctions {
		for old, gone := range c.entries { // any: the order of a map is random enough
			delete(c.entries, old)
			gone.leave()
			break
		}
	}
	c.entries[key] = entry
	return entry, nil
}

func (c *functionCache) len() int {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return len(c.entries)
}

func (c *functionCache) clear() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, entry := range c.entries {
		entry.leave()
	}
	c.entries = nil
}

// appendKey appends what a resolved function depends on. Plain options are written directly; others are encoded, and returned so
// that they need not be encoded again.
func appendKey(key []byte, name string, options Options, arguments []Value) ([]byte, []*wire.Option, error) {
	key = appendText(key, name)
	for _, argument := range arguments {
		key = appendType(key, argument.DataType())
	}
	if len(options) == 0 {
		return key, nil, nil
	}
	start := len(key)
	for _, option := range slices.Sorted(maps.Keys(options)) {
		key = appendText(key, option)
		plain := true
		if key, plain = appendPlain(key, options[option]); !plain {
			return appendEncoded(key[:start], options)
		}
	}
	return key, nil, nil
}

func appendEncoded(key []byte, options Options) ([]byte, []*wire.Option, error) {
	literals, failure := encodeOptions(options)
	if failure != nil {
		return nil, nil, failure
	}
	encoded := append(bytes.Clone(key), 'e') // not the caller's own, which stays on its stack
	encoded, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(encoded, &wire.FunctionCall{Options: literals})
	if err != nil {
		return nil, nil, errorf(CodeInvalidArgument, "the options cannot be encoded: %v", err)
	}
	return encoded, literals, nil
}

// appendType appends a type: its number when that says all.
func appendType(key []byte, dataType arrow.DataType) []byte {
	switch id := dataType.ID(); id {
	case arrow.NULL, arrow.BOOL, arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32,
		arrow.UINT64, arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64, arrow.STRING, arrow.BINARY, arrow.LARGE_STRING,
		arrow.LARGE_BINARY, arrow.DATE32, arrow.DATE64:
		return append(key, 't', byte(id))
	}
	fingerprint := dataType.Fingerprint()
	if fingerprint == "" {
		fingerprint = dataType.String()
	}
	return appendText(key, fingerprint)
}

func appendText(key []byte, text string) []byte {
	key = strconv.AppendInt(key, int64(len(text)), 10)
	key = append(key, ':')
	return append(key, text...)
}

// appendPlain appends a value of a common type, and reports whether it is one.
func appendPlain(key []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case bool:
		return strconv.AppendBool(append(key, 'b'), v), true
	case int:
		return strconv.AppendInt(append(key, 'i'), int64(v), 10), true
	case int64:
		return strconv.AppendInt(append(key, 'i'), v, 10), true
	case float64:
		return strconv.AppendUint(append(key, 'f'), math.Float64bits(v), 16), true
	case string:
		return appendText(append(key, 's'), v), true
	}
	return key, false
}
