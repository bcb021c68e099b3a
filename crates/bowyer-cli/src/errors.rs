// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer errors`: the codes that an error line begins with.
//!
//! What a code means is in docs/errors.md, from the same table as the codes themselves.

use std::io::Write;

use bowyer_core::{ErrorCode, Result};

/// Writes number and name of each code.
pub(crate) fn list(output: &mut impl Write) -> Result<()> {
    crate::write_lines(output, ErrorCode::ALL.iter().map(|code| format!("{:>3}  {}", *code as i32, code.name())))
}
