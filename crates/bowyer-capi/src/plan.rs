// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Prepared plans.

use std::sync::Arc;

use crate::engine::EngineState;

/// A prepared plan.
pub(crate) struct PreparedState {
    pub(crate) engine: Arc<EngineState>,
}
