// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The option that says which quantiles are asked for: one share, or a list of them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, FixedSizeListArray};
use arrow_schema::{DataType, Field};
use bowyer_core::{Column, Error, Memory, Result};

use crate::{CastMode, OptionDefault, OptionKind, OptionSpec, OptionValue, Options, cast};

/// Which quantiles.
pub(super) const Q: OptionSpec = OptionSpec::new(
    "q",
    OptionKind::Floats,
    OptionDefault::Float(0.5),
    "The share of values below, from 0 to 1; several give a list.",
);

/// The shares asked for.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) shares: Vec<f64>,
    /// Whether the result is a list.
    pub(super) listed: bool,
}

impl Shares {
    pub(super) fn of(options: &Options) -> Result<Self> {
        let shares = match options.get("q")? {
            OptionValue::Float(share) => Self { shares: vec![*share], listed: false },
            OptionValue::Array(shares) => {
                let shares = Column::Array(shares.clone());
                let shares = cast(&shares, &DataType::Float64, CastMode::Checked, &Memory::unlimited())?.to_array()?;
                let shares = shares.as_primitive::<Float64Type>();
                if shares.null_count() > 0 || shares.is_empty() {
                    return Err(Error::invalid_argument("a list of shares holds some, and no null").for_argument("q"));
                }
                Self { shares: shares.values().to_vec(), listed: true }
            }
            _ => return Err(Error::internal("q is a float or several")),
        };
        match shares.shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            Some(share) => Err(Error::invalid_argument(format!("{share} is not between 0 and 1")).for_argument("q")),
            None => Ok(shares),
        }
    }

    /// The values of all shares of all groups: as they are for one share, else as lists.
    pub(super) fn finish(&self, values: ArrayRef, group_count: usize) -> Result<ArrayRef> {
        if !self.listed {
            return Ok(values);
        }
        let item = Arc::new(Field::new("item", values.data_type().clone(), true));
        let size = i32::try_from(self.shares.len()).map_err(|_| Error::limit_exceeded("more than 2^31 shares"))?;
        debug_assert_eq!(values.len(), group_count * self.shares.len());
        Ok(Arc::new(FixedSizeListArray::try_new_with_length(item, size, values, None, group_count)?))
    }
}

/// The type of a result whose values are of `item`: a list of as many as there are shares, when q is a list.
pub(super) fn listed(item: DataType, options: &Options) -> Result<DataType> {
    let shares = Shares::of(options)?;
    if !shares.listed {
        return Ok(item);
    }
    let size = i32::try_from(shares.shares.len()).map_err(|_| Error::limit_exceeded("more than 2^31 shares"))?;
    Ok(DataType::FixedSizeList(Arc::new(Field::new("item", item, true)), size))
}
