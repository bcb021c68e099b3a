// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sources: tables that queries read, filled batch by batch.

use std::sync::Arc;

use crate::engine::EngineState;

/// A table.
pub(crate) struct SourceState {
    pub(crate) engine: Arc<EngineState>,
}
