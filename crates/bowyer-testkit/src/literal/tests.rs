// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, Int32Array};

use super::*;

#[test]
fn numbers_text_and_times_are_read() {
    assert_eq!(array("int32 [1, null, -3]").as_primitive(), &Int32Array::from(vec![Some(1), None, Some(-3)]));
    let floats = array("double [nan, -inf, 1e300, -0.0]");
    let floats = floats.as_primitive::<Float64Type>();
    assert!(floats.value(0).is_nan() && floats.value(1) == f64::NEG_INFINITY && floats.value(3).is_sign_negative());
    let text = array(r#"string ["größe", "a\"b\\\n", "\u00e4"]"#);
    assert_eq!(text.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["größe", "a\"b\\\n", "ä"]);
    assert_eq!(array(r#"binary ["\xff\x00"]"#).as_binary::<i32>().value(0), [255, 0]);
    assert_eq!(array("decimal128(5, 2) [1.5, -0.01]").as_primitive::<Decimal128Type>().values()[..], [150, -1]);
    let moment = array(r#"timestamp[us, tz=Asia/Tokyo] ["1970-01-01T00:00:01.5"]"#);
    assert_eq!(moment.as_primitive::<TimestampMicrosecondType>().value(0), 1_500_000);
}

#[test]
fn nested_and_encoded_arrays_are_read() {
    for text in [
        "list<item: int32> [[1, null], null, []]",
        "large_list_view<item: int32> [[1, null], null, []]",
        "fixed_size_list<item: int32>[2] [[1, 2], null]",
        r#"struct<a: int32, b: string> [{a: 1, b: "x"}, null, {b: "y"}]"#,
        r#"map<string, int32> [[["a", 1], ["b", null]], null]"#,
        r#"string_view ["a value longer than twelve", null]"#,
        r#"time32[s] ["00:01:00"]"#,
        r#"date64[ms] ["2024-02-29", 0]"#,
        "halffloat [1.5]",
        "month_day_nano_interval [[1, 2, 3], null]",
        "decimal256(76, 1) [1]",
        "null [null]",
    ] {
        array(text).to_data().validate_full().unwrap();
    }
    let dictionary = array(r#"dictionary<values=string, indices=int32> ["b", "a", null, "b"]"#);
    assert_eq!(dictionary.as_dictionary::<Int32Type>().values().len(), 2);
}

#[test]
fn what_is_wrong_is_said() {
    for text in ["int8 [300]", "int32 [1", "int32 [1] 2", r#"int32 ["a"]"#, "int32 1", "decimal128(3, 1) [0.05]"] {
        assert!(literal(text).unwrap_err().contains(text));
    }
}
