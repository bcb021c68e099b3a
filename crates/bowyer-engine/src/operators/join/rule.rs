// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a join gives, in terms of the side whose rows pass by and the one that is built.

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Pairs; and rows without a partner, with nulls for the other side.
    Pairs {
        /// Those of the probe side.
        keeps_probe: bool,
        /// Those of the build side, after all others.
        keeps_build: bool,
    },
    /// Probe rows that have a partner, once each.
    Having,
    /// Probe rows that have none.
    Lacking {
        /// Whether a null key may be equal to any: then it lacks a partner only where there is no build row at all,
        /// and a null among the build keys leaves nothing.
        null_aware: bool,
    },
}

impl Rule {
    /// Whether the result has columns of the build side.
    pub(super) fn gives_pairs(self) -> bool {
        matches!(self, Self::Pairs { .. })
    }

    /// Whether a probe row without a partner stands in the result beside nulls.
    pub(super) fn keeps_probe_rows(self) -> bool {
        matches!(self, Self::Pairs { keeps_probe: true, .. })
    }

    /// Whether a build row without a partner stands in the result.
    pub(crate) fn keeps_build_rows(self) -> bool {
        matches!(self, Self::Pairs { keeps_build: true, .. })
    }
}
