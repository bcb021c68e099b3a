// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package cabi

import (
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// simpleFormats are the format strings that have no parameters.
var simpleFormats = map[arrow.Type]string{
	arrow.NULL: "n", arrow.BOOL: "b",
	arrow.INT8: "c", arrow.UINT8: "C", arrow.INT16: "s", arrow.UINT16: "S",
	arrow.INT32: "i", arrow.UINT32: "I", arrow.INT64: "l", arrow.UINT64: "L",
	arrow.FLOAT16: "e", arrow.FLOAT32: "f", arrow.FLOAT64: "g",
	arrow.BINARY: "z", arrow.LARGE_BINARY: "Z", arrow.STRING: "u", arrow.LARGE_STRING: "U",
	arrow.BINARY_VIEW: "vz", arrow.STRING_VIEW: "vu",
	arrow.DATE32: "tdD", arrow.DATE64: "tdm",
	arrow.INTERVAL_MONTHS: "tiM", arrow.INTERVAL_DAY_TIME: "tiD", arrow.INTERVAL_MONTH_DAY_NANO: "tin",
	arrow.LIST: "+l", arrow.LARGE_LIST: "+L", arrow.LIST_VIEW: "+vl", arrow.LARGE_LIST_VIEW: "+vL",
	arrow.STRUCT: "+s", arrow.MAP: "+m", arrow.RUN_END_ENCODED: "+r",
}

var simpleTypes = map[string]arrow.DataType{
	"n": arrow.Null, "b": arrow.FixedWidthTypes.Boolean,
	"c": arrow.PrimitiveTypes.Int8, "C": arrow.PrimitiveTypes.Uint8,
	"s": arrow.PrimitiveTypes.Int16, "S": arrow.PrimitiveTypes.Uint16,
	"i": arrow.PrimitiveTypes.Int32, "I": arrow.PrimitiveTypes.Uint32,
	"l": arrow.PrimitiveTypes.Int64, "L": arrow.PrimitiveTypes.Uint64,
	"e": arrow.FixedWidthTypes.Float16, "f": arrow.PrimitiveTypes.Float32, "g": arrow.PrimitiveTypes.Float64,
	"z": arrow.BinaryTypes.Binary, "Z": arrow.BinaryTypes.LargeBinary,
	"u": arrow.BinaryTypes.String, "U": arrow.BinaryTypes.LargeString,
	"vz": arrow.BinaryTypes.BinaryView, "vu": arrow.BinaryTypes.StringView,
	"tdD": arrow.FixedWidthTypes.Date32, "tdm": arrow.FixedWidthTypes.Date64,
	"tts": arrow.FixedWidthTypes.Time32s, "ttm": arrow.FixedWidthTypes.Time32ms,
	"ttu": arrow.FixedWidthTypes.Time64us, "ttn": arrow.FixedWidthTypes.Time64ns,
	"tDs": arrow.FixedWidthTypes.Duration_s, "tDm": arrow.FixedWidthTypes.Duration_ms,
	"tDu": arrow.FixedWidthTypes.Duration_us, "tDn": arrow.FixedWidthTypes.Duration_ns,
	"tiM": arrow.FixedWidthTypes.MonthInterval, "tiD": arrow.FixedWidthTypes.DayTimeInterval,
	"tin": arrow.FixedWidthTypes.MonthDayNanoInterval,
}

// unitLetters are the units in the order of arrow.TimeUnit.
const unitLetters = "smun"

func unitLetter(unit arrow.TimeUnit) string { return unitLetters[unit : unit+1] }

// Format returns the C data interface's format string of a type; of a dictionary that of its keys, of an extension that of
// its storage.
func Format(dataType arrow.DataType) (string, error) {
	dataType = storageType(dataType)
	if simple, ok := simpleFormats[dataType.ID()]; ok {
		return simple, nil
	}
	switch dataType := dataType.(type) {
	case *arrow.Time32Type:
		return "tt" + unitLetter(dataType.Unit), nil
	case *arrow.Time64Type:
		return "tt" + unitLetter(dataType.Unit), nil
	case *arrow.TimestampType:
		return "ts" + unitLetter(dataType.Unit) + ":" + dataType.TimeZone, nil
	case *arrow.DurationType:
		return "tD" + unitLetter(dataType.Unit), nil
	case *arrow.FixedSizeBinaryType:
		return "w:" + strconv.Itoa(dataType.ByteWidth), nil
	case *arrow.FixedSizeListType:
		return "+w:" + strconv.Itoa(int(dataType.Len())), nil
	case *arrow.Decimal128Type:
		return decimalFormat(dataType, ""), nil
	case arrow.DecimalType:
		return decimalFormat(dataType, ","+strconv.Itoa(dataType.BitWidth())), nil
	case *arrow.DictionaryType:
		return Format(dataType.IndexType)
	case arrow.UnionType:
		return unionFormat(dataType), nil
	}
	return "", failf(codeNotImplemented, "type %s does not cross to the native library", dataType)
}

func decimalFormat(dataType arrow.DecimalType, width string) string {
	return "d:" + strconv.Itoa(int(dataType.GetPrecision())) + "," + strconv.Itoa(int(dataType.GetScale())) + width
}

func unionFormat(dataType arrow.UnionType) string {
	codes := make([]string, len(dataType.TypeCodes()))
	for i, code := range dataType.TypeCodes() {
		codes[i] = strconv.Itoa(int(code))
	}
	mode := "+us:"
	if dataType.Mode() == arrow.DenseMode {
		mode = "+ud:"
	}
	return mode + strings.Join(codes, ",")
}
