// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Running queries.

use std::sync::Arc;

use crate::engine::EngineState;

/// A running query.
pub(crate) struct QueryState {
    pub(crate) engine: Arc<EngineState>,
}
