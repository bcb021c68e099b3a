// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The JSON form of plans: canonical protobuf JSON of the contract, strict about names.

use bowyer_core::{Error, Result};
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, SerializeOptions};

use crate::{message, proto};

/// The bytes of the plan that `json` describes.
///
/// # Errors
/// `Parse` when the text is no JSON or names a field that plans do not have.
pub fn plan_from_json(json: &str) -> Result<Vec<u8>> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let refused = |error: serde_json::Error| Error::parse(format!("the text is no plan: {error}")).caused_by(error);
    let plan = DynamicMessage::deserialize_with_options(message::descriptor::<proto::Plan>()?, &mut reader, &options)
        .map_err(refused)?;
    reader.end().map_err(refused)?;
    Ok(plan.encode_to_vec())
}

/// The JSON form of the plan in `bytes`, on one line.
///
/// # Errors
/// Those of reading the message.
pub fn plan_to_json(bytes: &[u8]) -> Result<String> {
    let plan = message::decode::<proto::Plan>(bytes)?;
    let plan = DynamicMessage::decode(message::descriptor::<proto::Plan>()?, plan.encode_to_vec().as_slice())
        .map_err(|error| Error::internal(error.to_string()).caused_by(error))?;
    let mut json = Vec::new();
    let mut writer = serde_json::Serializer::new(&mut json);
    plan.serialize_with_options(&mut writer, &SerializeOptions::new())
        .map_err(|error| Error::internal(error.to_string()).caused_by(error))?;
    String::from_utf8(json).map_err(|error| Error::internal(error.to_string()).caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowyer_core::ErrorCode;

    #[test]
    fn a_plan_goes_there_and_back() {
        let json = r#"{"version":1,"inputs":[{"name":"t","schema":{"fields":[{"name":"x","format":"l"}]}}],"relations":[{"scan":{}}],"outputs":[{"name":"out"}]}"#;
        let bytes = plan_from_json(json).unwrap();
        assert_eq!(plan_to_json(&bytes).unwrap(), json);
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!(plan_from_json(r#"{"verzion":1}"#).unwrap_err().code(), ErrorCode::Parse);
        assert_eq!(plan_from_json("{} {}").unwrap_err().code(), ErrorCode::Parse);
    }
}
