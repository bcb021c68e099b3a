// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The table of handles: numbers with a generation, so that a stale one is noticed.
//!
//! A handle is `generation << 32 | slot + 1`. Releasing a slot raises its generation; a slot whose generation is used up
//! is never handed out again. The table is the process's: a handle has to say by itself which engine it belongs to.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use bowyer_core::{Error, Result};

use crate::engine::EngineState;
use crate::function::FunctionState;
use crate::plan::PreparedState;
use crate::query::QueryState;
use crate::schema::SchemaState;
use crate::source::SourceState;

/// What a handle stands for.
#[derive(Clone)]
pub(crate) enum Object {
    Engine(Arc<EngineState>),
    Function(Arc<FunctionState>),
    Schema(Arc<SchemaState>),
    Source(Arc<SourceState>),
    Prepared(Arc<PreparedState>),
    Query(Arc<QueryState>),
}

impl Object {
    fn kind(&self) -> &'static str {
        match self {
            Self::Engine(_) => "an engine",
            Self::Function(_) => "a function",
            Self::Schema(_) => "a schema",
            Self::Source(_) => "a source",
            Self::Prepared(_) => "a prepared plan",
            Self::Query(_) => "a query",
        }
    }

    /// The engine that counts the handle.
    pub(crate) fn engine(&self) -> &Arc<EngineState> {
        match self {
            Self::Engine(engine) => engine,
            Self::Function(function) => &function.engine,
            Self::Schema(schema) => &schema.engine,
            Self::Source(source) => &source.engine,
            Self::Prepared(prepared) => &prepared.engine,
            Self::Query(query) => &query.engine,
        }
    }
}

struct Slot {
    generation: u32,
    object: Option<Object>,
}

struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

static TABLE: RwLock<Table> = RwLock::new(Table { slots: Vec::new(), free: Vec::new() });

/// Enters an object that needs its own handle while it is made.
///
/// # Errors
/// Those of `make`; `LimitExceeded` when there are 2³² handles.
pub(crate) fn insert_with(make: impl FnOnce(u64) -> Result<Object>) -> Result<u64> {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let index = match table.free.pop() {
        Some(index) => index,
        None => {
            let index = u32::try_from(table.slots.len()).ok().filter(|index| *index < u32::MAX);
            let index = index.ok_or_else(|| Error::limit_exceeded("there are 4294967295 handles"))?;
            table.slots.push(Slot { generation: 1, object: None });
            index
        }
    };
    let handle = u64::from(table.slots[index as usize].generation) << 32 | u64::from(index + 1);
    drop(table);
    let made = make(handle);
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    match made {
        Ok(object) => {
            object.engine().live.handles.fetch_add(1, Ordering::Relaxed);
            table.slots[index as usize].object = Some(object);
            Ok(handle)
        }
        Err(error) => {
            table.free.push(index);
            Err(error)
        }
    }
}

/// Enters an object.
///
/// # Errors
/// `LimitExceeded` when there are 2³² handles.
pub(crate) fn insert(object: Object) -> Result<u64> {
    insert_with(|_| Ok(object))
}

/// Takes an object out; the caller drops it outside the table's lock.
///
/// # Errors
/// `InvalidState` when the handle is not alive.
pub(crate) fn remove(handle: u64) -> Result<Object> {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let (index, generation) = split(handle)?;
    let slot = table.slots.get_mut(index as usize).filter(|slot| slot.generation == generation);
    let Some(slot) = slot else { return Err(stale(handle)) };
    let object = slot.object.take().ok_or_else(|| stale(handle))?;
    if let Some(next) = slot.generation.checked_add(1) {
        slot.generation = next;
        table.free.push(index);
    }
    drop(table);
    object.engine().live.handles.fetch_sub(1, Ordering::Relaxed);
    Ok(object)
}

/// The object of a handle.
///
/// # Errors
/// `InvalidState` when the handle is not alive.
pub(crate) fn get(handle: u64) -> Result<Object> {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let (index, generation) = split(handle)?;
    let slot = table.slots.get(index as usize).filter(|slot| slot.generation == generation);
    slot.and_then(|slot| slot.object.clone()).ok_or_else(|| stale(handle))
}

macro_rules! getters {
    ($($name:ident $variant:ident $state:ident $kind:literal),* $(,)?) => {$(
        /// The object of a handle of one kind.
        ///
        /// # Errors
        /// `InvalidState` when the handle is not alive or of another kind.
        pub(crate) fn $name(handle: u64) -> Result<Arc<$state>> {
            match get(handle)? {
                Object::$variant(state) => Ok(state),
                other => Err(Error::invalid_state(format!("handle {handle} is {}, not {}", other.kind(), $kind))),
            }
        }
    )*};
}

getters! {
    engine Engine EngineState "an engine",
    function Function FunctionState "a function",
    schema Schema SchemaState "a schema",
    source Source SourceState "a source",
    prepared Prepared PreparedState "a prepared plan",
    query Query QueryState "a query",
}

fn split(handle: u64) -> Result<(u32, u32)> {
    match (handle as u32).checked_sub(1) {
        Some(index) => Ok((index, (handle >> 32) as u32)),
        None => Err(stale(handle)),
    }
}

#[cold]
fn stale(handle: u64) -> Error {
    Error::invalid_state(format!("handle {handle} is not alive"))
}
