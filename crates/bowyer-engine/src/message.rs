// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reading messages: what is not known is refused, never dropped.
//!
//! Generated code skips fields it does not know. A plan of a newer library would then run with a part of it missing, so
//! a pass over the same bytes, driven by the descriptors, looks for unknown fields first.

use std::sync::LazyLock;

use bowyer_core::{Error, Result};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};

use crate::proto;

/// Messages larger than this are refused.
const BYTE_LIMIT: usize = 64 << 20;

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(proto::DESCRIPTORS).ok());

/// Reads a message of the contract.
///
/// # Errors
/// `IncompatibleVersion` when it holds a field that this build does not know; `LimitExceeded` when it is too large;
/// `Parse` when it is no such message.
pub fn decode<M: Message + Default + prost::Name>(bytes: &[u8]) -> Result<M> {
    if bytes.len() > BYTE_LIMIT {
        return Err(Error::limit_exceeded(format!(
            "a message of {} bytes is larger than {BYTE_LIMIT} bytes",
            bytes.len()
        )));
    }
    let broken = |error: prost::DecodeError| {
        Error::parse(format!("the bytes are no {}: {error}", M::full_name())).caused_by(error)
    };
    let dynamic = DynamicMessage::decode(descriptor::<M>()?, bytes).map_err(broken)?;
    if let Some(place) = unknown_field(&dynamic) {
        return Err(Error::incompatible_version(format!("{} holds the unknown field {place}", M::full_name())));
    }
    M::decode(bytes).map_err(broken)
}

/// The descriptor of a message type.
pub(crate) fn descriptor<M: prost::Name>() -> Result<MessageDescriptor> {
    POOL.as_ref()
        .and_then(|pool| pool.get_message_by_name(&M::full_name()))
        .ok_or_else(|| Error::internal(format!("no descriptor of {}", M::full_name())))
}

/// The path of an unknown field in the message or below; depth is bounded by what the decoder accepts.
fn unknown_field(message: &DynamicMessage) -> Option<String> {
    if let Some(field) = message.unknown_fields().next() {
        return Some(field.number().to_string());
    }
    for (field, value) in message.fields() {
        let inner = match value {
            Value::Message(inner) => unknown_field(inner),
            Value::List(values) => values.iter().enumerate().find_map(|(index, value)| {
                value.as_message().and_then(unknown_field).map(|place| format!("{index}.{place}"))
            }),
            _ => None,
        };
        if let Some(place) = inner {
            return Some(format!("{}.{place}", field.name()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowyer_core::ErrorCode;

    #[test]
    fn known_messages_are_read() {
        let plan = proto::Plan { version: 1, ..Default::default() };
        assert_eq!(decode::<proto::Plan>(&plan.encode_to_vec()).unwrap(), plan);
    }

    #[test]
    fn an_unknown_field_is_refused_where_it_stands() {
        let mut input = proto::Input { name: "t".into(), ..Default::default() }.encode_to_vec();
        input.extend_from_slice(&[0xF8, 0x06, 0x01]); // field 111, varint 1
        let mut bytes = vec![0x12, u8::try_from(input.len()).unwrap()];
        bytes.extend(input);
        let error = decode::<proto::Plan>(&bytes).unwrap_err();
        assert_eq!(error.code(), ErrorCode::IncompatibleVersion);
        assert!(error.message().contains("inputs.0.111"), "{error}");
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        assert_eq!(decode::<proto::Plan>(&[0xFF, 0xFF]).unwrap_err().code(), ErrorCode::Parse);
    }
}
