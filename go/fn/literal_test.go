// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Literals of the corpus: a type as pyarrow prints it, then values in brackets; `scalar`, a type and one value for a scalar.
// The notation is described in testdata/README.md.

// number is a number as it is written, so that decimals lose nothing.
type number string

// member is one entry of a struct value.
type member struct {
	name  string
	value any
}

// reader reads text from the left; what it does not understand it panics about, and parse turns that into an error.
type reader struct{ rest string }

type misread string

func parse[T any](text string, read func(*reader) T) (result T, err error) {
	defer func() {
		if cause, ok := recover().(misread); ok {
			err = fmt.Errorf("%s: %s", text, string(cause))
		}
	}()
	r := &reader{text}
	result = read(r)
	r.skip()
	if r.rest != "" {
		r.fail("unexpected %q", r.rest)
	}
	return result, nil
}

func (r *reader) fail(format string, values ...any) { panic(misread(fmt.Sprintf(format, values...))) }

func (r *reader) skip() { r.rest = strings.TrimLeft(r.rest, " \t\n") }

func (r *reader) eat(token string) bool {
	r.skip()
	rest, found := strings.CutPrefix(r.rest, token)
	r.rest = rest
	return found
}

func (r *reader) expect(token string) {
	if !r.eat(token) {
		r.fail("expected %q at %q", token, r.rest)
	}
}

func (r *reader) takeWhile(wanted func(rune) bool) string {
	r.skip()
	end := strings.IndexFunc(r.rest, func(c rune) bool { return !wanted(c) })
	if end < 0 {
		end = len(r.rest)
	}
	taken := r.rest[:end]
	r.rest = r.rest[end:]
	return taken
}

func isWord(c rune) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// value reads a value: nil, bool, number, string, []any or []member.
func (r *reader) value() any {
	r.skip()
	switch {
	case strings.HasPrefix(r.rest, `"`):
		return r.text()
	case strings.HasPrefix(r.rest, "["):
		return items(r, "[", "]", (*reader).value)
	case strings.HasPrefix(r.rest, "{"):
		return items(r, "{", "}", (*reader).member)
	}
	switch word := r.takeWhile(func(c rune) bool { return isWord(c) || strings.ContainsRune("+-.", c) }); word {
	case "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	case "":
		r.fail("expected a value at %q", r.rest)
		return nil
	default:
		return number(word)
	}
}

func (r *reader) member() member {
	r.skip()
	var name string
	if strings.HasPrefix(r.rest, `"`) {
		name = r.text()
	} else {
		name = r.takeWhile(isWord)
	}
	r.expect(":")
	return member{name, r.value()}
}

func items[T any](r *reader, open, end string, item func(*reader) T) []T {
	r.expect(open)
	list := []T{}
	for !r.eat(end) {
		if len(list) > 0 {
			r.expect(",")
		}
		list = append(list, item(r))
	}
	return list
}

// text reads text in quotes, in which \xNN is any byte.
func (r *reader) text() string {
	r.expect(`"`)
	var bytes []byte
	for i := 0; i < len(r.rest); i++ {
		switch c := r.rest[i]; c {
		case '"':
			r.rest = r.rest[i+1:]
			return string(bytes)
		case '\\':
			i++
			if i == len(r.rest) {
				r.fail("text without its closing quote")
			}
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[r.rest[i]]
			if digits == 0 {
				bytes = append(bytes, escaped(r.rest[i]))
				continue
			}
			end := min(i+1+digits, len(r.rest))
			code, err := strconv.ParseUint(r.rest[i+1:end], 16, 32)
			if err != nil {
				r.fail("%v", err)
			}
			if digits == 2 {
				bytes = append(bytes, byte(code))
			} else {
				bytes = append(bytes, string(rune(code))...)
			}
			i = end - 1
		default:
			bytes = append(bytes, c)
		}
	}
	r.fail("text without its closing quote")
	return ""
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	}
	return c
}

var simpleTypes = map[string]arrow.DataType{
	"null": arrow.Null, "bool": arrow.FixedWidthTypes.Boolean,
	"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16, "int32": arrow.PrimitiveTypes.Int32, "int64": arrow.PrimitiveTypes.Int64,
	"uint8": arrow.PrimitiveTypes.Uint8, "uint16": arrow.PrimitiveTypes.Uint16, "uint32": arrow.PrimitiveTypes.Uint32, "uint64": arrow.PrimitiveTypes.Uint64,
	"halffloat": arrow.FixedWidthTypes.Float16, "float16": arrow.FixedWidthTypes.Float16,
	"float": arrow.PrimitiveTypes.Float32, "float32": arrow.PrimitiveTypes.Float32,
	"double": arrow.PrimitiveTypes.Float64, "float64": arrow.PrimitiveTypes.Float64,
	"string": arrow.BinaryTypes.String, "utf8": arrow.BinaryTypes.String,
	"large_string": arrow.BinaryTypes.LargeString, "large_utf8": arrow.BinaryTypes.LargeString, "string_view": arrow.BinaryTypes.StringView,
	"binary": arrow.BinaryTypes.Binary, "large_binary": arrow.BinaryTypes.LargeBinary, "binary_view": arrow.BinaryTypes.BinaryView,
	"month_interval": arrow.FixedWidthTypes.MonthInterval, "day_time_interval": arrow.FixedWidthTypes.DayTimeInterval,
	"month_day_nano_interval": arrow.FixedWidthTypes.MonthDayNanoInterval,
}

// dataType reads a type.
func (r *reader) dataType() arrow.DataType {
	word := r.takeWhile(isWord)
	if simple, ok := simpleTypes[word]; ok {
		return simple
	}
	switch word {
	case "date32":
		r.bracketedUnit("day")
		return arrow.FixedWidthTypes.Date32
	case "date64":
		r.bracketedUnit("ms")
		return arrow.FixedWidthTypes.Date64
	case "time32":
		return &arrow.Time32Type{Unit: r.unit("[", "]")}
	case "time64":
		return &arrow.Time64Type{Unit: r.unit("[", "]")}
	case "duration":
		return &arrow.DurationType{Unit: r.unit("[", "]")}
	case "timestamp":
		return r.timestamp()
	case "fixed_size_binary":
		return &arrow.FixedSizeBinaryType{ByteWidth: r.length()}
	case "decimal32", "decimal64", "decimal128", "decimal256":
		return r.decimal(word)
	case "list":
		return arrow.ListOfField(r.onlyField())
	case "large_list":
		return arrow.LargeListOfField(r.onlyField())
	case "list_view":
		return arrow.ListViewOfField(r.onlyField())
	case "large_list_view":
		return arrow.LargeListViewOfField(r.onlyField())
	case "fixed_size_list":
		item := r.onlyField()
		return arrow.FixedSizeListOfField(int32(r.length()), item)
	case "struct":
		return arrow.StructOf(items(r, "<", ">", (*reader).field)...)
	case "map":
		r.expect("<")
		key := r.dataType()
		r.expect(",")
		value := r.dataType()
		r.expect(">")
		return arrow.MapOf(key, value)
	case "dictionary":
		return r.dictionary()
	case "run_end_encoded":
		parts := items(r, "<", ">", (*reader).field)
		return arrow.RunEndEncodedOf(parts[0].Type, parts[1].Type)
	}
	r.fail("no type is called %q", word)
	return nil
}

func (r *reader) bracketedUnit(unit string) {
	if r.eat("[") {
		r.expect(unit)
		r.expect("]")
	}
}

func (r *reader) unit(open, end string) arrow.TimeUnit {
	r.expect(open)
	word := r.takeWhile(isWord)
	if end != "" {
		r.expect(end)
	}
	for _, unit := range arrow.TimeUnitValues {
		if unit.String() == word {
			return unit
		}
	}
	r.fail("no unit is called %q", word)
	return 0
}

func (r *reader) timestamp() arrow.DataType {
	dataType := &arrow.TimestampType{Unit: r.unit("[", "")}
	if r.eat(",") {
		r.eat("tz=")
		dataType.TimeZone = strings.TrimSpace(r.takeWhile(func(c rune) bool { return c != ']' }))
	}
	r.expect("]")
	return dataType
}

func (r *reader) integer() int {
	value, err := strconv.Atoi(r.takeWhile(func(c rune) bool { return c == '-' || '0' <= c && c <= '9' }))
	if err != nil {
		r.fail("%v", err)
	}
	return value
}

func (r *reader) length() int {
	r.expect("[")
	length := r.integer()
	r.expect("]")
	return length
}

func (r *reader) decimal(word string) arrow.DataType {
	r.expect("(")
	precision := r.integer()
	r.expect(",")
	scale := r.integer()
	r.expect(")")
	id := map[string]arrow.Type{"decimal32": arrow.DECIMAL32, "decimal64": arrow.DECIMAL64, "decimal128": arrow.DECIMAL128, "decimal256": arrow.DECIMAL256}[word]
	dataType, err := arrow.NewDecimalType(id, int32(precision), int32(scale))
	if err != nil {
		r.fail("%v", err)
	}
	return dataType
}

func (r *reader) field() arrow.Field {
	name := strings.TrimSpace(r.takeWhile(func(c rune) bool { return c != ':' }))
	r.expect(":")
	dataType := r.dataType()
	return arrow.Field{Name: name, Type: dataType, Nullable: !r.eat("not null")}
}

func (r *reader) onlyField() arrow.Field {
	r.expect("<")
	field := r.field()
	r.expect(">")
	return field
}

func (r *reader) dictionary() arrow.DataType {
	r.expect("<")
	r.expect("values=")
	values := r.dataType()
	r.expect(",")
	r.expect("indices=")
	indices := r.dataType()
	if r.eat(",") {
		r.expect("ordered=")
		r.expect("0")
	}
	r.expect(">")
	return &arrow.DictionaryType{IndexType: indices, ValueType: values}
}
