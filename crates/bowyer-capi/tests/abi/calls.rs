// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A small client of the C ABI in Rust: what a Go program does, with the same pointers.

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_buffer::{Buffer as ArrowBuffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_ffi::c::{ArrowArray, ArrowSchema, OwnedArray, OwnedSchema};
use arrow_ffi::export::{Aliasing, Exported, export_array};
use arrow_ffi::guard::{Alone, Level};
use arrow_ffi::import::{self, Customs, Hold};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::schema::{export_schema, import_field};
use arrow_ffi::{Rejections, Shape};
use arrow_schema::{DataType, Field, Schema};
use bowyer_capi::abi::*;
use bowyer_capi::exports::*;
use bowyer_core::Memory;
use bowyer_engine::proto::{EngineConfig, EngineStatistics, ErrorDetail};
use prost::Message;

/// What a call failed with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) detail: ErrorDetail,
}

pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

pub(crate) fn bytes(data: &[u8]) -> Bytes {
    Bytes { data: data.as_ptr(), len: data.len() }
}

/// Runs a call with an error struct.
pub(crate) fn attempt(call: impl FnOnce(*mut CError) -> i32) -> Outcome<()> {
    let mut error = CError {
        struct_size: size_of::<CError>() as u32,
        code: 0,
        message: null(),
        message_len: 0,
        detail: null(),
        detail_len: 0,
        release: None,
        private_data: null_mut(),
    };
    let code = call(&raw mut error);
    if code == 0 {
        assert!(error.release.is_none(), "a success fills no error");
        return Ok(());
    }
    // SAFETY: the library filled the struct.
    let failure = unsafe {
        let message = std::slice::from_raw_parts(error.message.cast::<u8>(), error.message_len as usize);
        let detail = std::slice::from_raw_parts(error.detail, error.detail_len as usize);
        Failure {
            code,
            message: String::from_utf8(message.to_vec()).unwrap(),
            detail: ErrorDetail::decode(detail).unwrap(),
        }
    };
    assert_eq!((error.code, failure.detail.code), (code, code));
    // SAFETY: as above.
    unsafe { error.release.unwrap()(&raw mut error) };
    assert!(error.release.is_none());
    Err(Box::new(failure))
}

/// A call without limits.
pub(crate) fn new_call() -> Call {
    Call {
        struct_size: size_of::<Call>() as u32,
        flags: 0,
        timeout_ns: 0,
        memory_limit: 0,
        cancel: null(),
        traceparent: [0; 56],
    }
}

pub(crate) fn new_result() -> CResult {
    CResult {
        struct_size: size_of::<CResult>() as u32,
        state: 0,
        flags: 0,
        alias_count: 0,
        buffer_count: 0,
        reserved: 0,
        row_count: 0,
        aliases: null(),
        sizes: null(),
        byte_len: 0,
        bytes_copied: 0,
    }
}

pub(crate) fn new_buffer() -> Buffer {
    Buffer {
        struct_size: size_of::<Buffer>() as u32,
        flags: 0,
        data: null(),
        len: 0,
        release: None,
        private_data: null_mut(),
    }
}

/// An engine's handle; the last to go closes it and finds nothing alive.
pub(crate) struct Client {
    pub(crate) engine: u64,
}

struct Ignore;

impl Released for Ignore {
    fn owner_released(&self, _owner: u64) {}
    fn foreign_released(&self, _array: OwnedArray) {}
}

static NEXT_OWNER: AtomicU64 = AtomicU64::new(1);

/// Arrays lent to the library, as long as this lives.
pub(crate) struct Lent {
    pub(crate) owner: u64,
    arrays: Vec<ArrowArray>,
    sizes: Vec<i64>,
    arguments: Vec<Argument>,
    row_count: i64,
    _owned: Vec<OwnedArray>,
}

impl Lent {
    pub(crate) fn new(columns: &[ArrayRef], row_count: usize) -> Self {
        let exported: Vec<Exported> =
            columns.iter().map(|column| export_array(column, Aliasing::Never, &Arc::default())).collect();
        let sizes = exported.iter().flat_map(|one| one.sizes().to_vec()).collect();
        let owned: Vec<OwnedArray> = exported.into_iter().map(Exported::into_array).collect();
        // SAFETY: plain copies for the block; `owned` releases.
        let arrays = owned.iter().map(|array| unsafe { std::ptr::read(array.as_raw()) }).collect();
        let owner = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
        Self { owner, arrays, sizes, arguments: Vec::new(), row_count: row_count as i64, _owned: owned }
    }

    pub(crate) fn batch(batch: &RecordBatch) -> Self {
        Self::new(batch.columns(), batch.num_rows())
    }

    pub(crate) fn arguments(mut self, scalars: &[bool]) -> Self {
        let argument = |(first, scalar): (usize, &bool)| Argument {
            first: first as u32,
            count: 1,
            flags: if *scalar { ARGUMENT_SCALAR } else { 0 },
            reserved: 0,
        };
        self.arguments = scalars.iter().enumerate().map(argument).collect();
        self
    }

    /// The same with sizes of which each is eight bytes less.
    pub(crate) fn shortened(mut self) -> Self {
        self.sizes.iter_mut().for_each(|size| *size = (*size - 8).max(0));
        self
    }

    pub(crate) fn block(&self) -> Block {
        Block {
            struct_size: size_of::<Block>() as u32,
            array_count: self.arrays.len() as u32,
            owner: self.owner,
            row_count: self.row_count,
            arrays: self.arrays.as_ptr().expose_provenance() as u64,
            sizes: self.sizes.as_ptr().expose_provenance() as u64,
            arguments: self.arguments.as_ptr().expose_provenance() as u64,
            argument_count: self.arguments.len() as u32,
            flags: 0,
        }
    }
}

/// The values of a native result, in memory apart from it; releases it.
pub(crate) fn values(field: &Field, mut array: ArrowArray, result: &CResult) -> ArrayRef {
    let owners = Owners::new(Arc::new(Ignore));
    let block = import::Block { arrays: &raw const array, array_count: 1, sizes: result.sizes, owner: 1 };
    let shape = Shape::of_field(field);
    let (memory, rejections) = (Memory::unlimited(), Rejections::default());
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections, crew: &Alone };
    // SAFETY: the library's own result, alive until its release below.
    let imported = unsafe { import::import_block(&block, &[&shape], Level::Full, Hold::Call, customs) }.unwrap();
    let copy = detached(&imported.arrays[0]);
    drop(imported.arrays);
    assert!(!imported.borrow.end_call());
    // SAFETY: ours to release.
    assert_eq!(unsafe { bowyer_array_release(&raw mut array) }, 0);
    copy
}

/// The same values in memory apart: a concatenation would share views' values and dictionaries.
fn detached(array: &ArrayRef) -> ArrayRef {
    arrow_array::make_array(copy(&array.to_data()))
}

fn copy(data: &ArrayData) -> ArrayData {
    let nulls = data.nulls().map(|nulls| nulls.iter().collect::<NullBuffer>());
    let buffers = data.buffers().iter().map(|buffer| ArrowBuffer::from(buffer.as_slice()));
    ArrayData::builder(data.data_type().clone())
        .len(data.len())
        .offset(data.offset())
        .nulls(nulls)
        .buffers(buffers.collect())
        .child_data(data.child_data().iter().map(copy).collect())
        .build()
        .unwrap()
}

pub(crate) fn batch_values(schema: &Schema, array: ArrowArray, result: &CResult) -> RecordBatch {
    let field = Field::new("", DataType::Struct(schema.fields().clone()), false);
    let columns = values(&field, array, result);
    RecordBatch::from(columns.as_any().downcast_ref::<StructArray>().unwrap())
}

impl Client {
    pub(crate) fn open(config: &EngineConfig) -> Self {
        let config = config.encode_to_vec();
        let mut engine = 0;
        // SAFETY: outputs of ours.
        attempt(|error| unsafe { bowyer_engine_open(bytes(&config), &raw mut engine, error) }).unwrap();
        Self { engine }
    }

    /// Resolves a function; gives its handle and its result's field.
    pub(crate) fn resolve(&self, call: &[u8], arguments: &Schema) -> Outcome<(u64, Field)> {
        let schema = export_schema(arguments).unwrap();
        let (mut function, mut result) = (0, OwnedSchema::default());
        attempt(|error| {
            let out: *mut ArrowSchema = result.as_raw_mut();
            // SAFETY: our own export and outputs.
            unsafe { bowyer_function_resolve(self.engine, bytes(call), schema.as_raw(), &raw mut function, out, error) }
        })?;
        // SAFETY: the library's export.
        let field = unsafe { import_field(result.as_raw(), &Rejections::default()) }.unwrap();
        Ok((function, field))
    }

    /// Calls a function over one array for each argument.
    pub(crate) fn call(&self, function: u64, field: &Field, lent: &Lent) -> Outcome<(ArrayRef, u32)> {
        let (mut array, mut result) = (ArrowArray::empty(), new_result());
        let block = lent.block();
        let address = (&raw const block).expose_provenance();
        // SAFETY: the block is ours and true.
        attempt(|error| unsafe {
            bowyer_function_call(null(), function, address, &raw mut array, &raw mut result, error)
        })?;
        assert_eq!(result.flags & RESULT_RETAINED, 0, "a function keeps nothing");
        Ok((values(field, array, &result), result.flags))
    }

    pub(crate) fn statistics(&self) -> EngineStatistics {
        let mut buffer = new_buffer();
        // SAFETY: outputs of ours; the buffer is the library's until its release.
        unsafe {
            attempt(|error| bowyer_statistics(self.engine, &raw mut buffer, error)).unwrap();
            let message = std::slice::from_raw_parts(buffer.data, buffer.len as usize);
            let statistics = EngineStatistics::decode(message).unwrap();
            buffer.release.unwrap()(&raw mut buffer);
            statistics
        }
    }

    /// Waits for events, at most eight.
    pub(crate) fn wait(&self) -> Outcome<Vec<Event>> {
        let mut events = [Event { kind: 0, port: 0, handle: 0, value: 0 }; 8];
        let mut count = 0;
        // SAFETY: outputs of ours.
        attempt(|error| unsafe {
            bowyer_engine_wait(self.engine, events.as_mut_ptr(), events.len(), &raw mut count, error)
        })?;
        Ok(events[..count].to_vec())
    }
}

impl Client {
    /// What lives: arrays, their bytes, owners, handles. A pool thread may hold a batch for a moment after its query was released,
    /// so this waits for the end of all arrays and owners; what still lives after a long time is leaked.
    pub(crate) fn settled(&self) -> (u64, u64, u64, u64) {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let now = self.statistics();
            let quiet = now.live_arrays == 0 && now.live_owners == 0;
            if quiet || Instant::now() > patience {
                return (now.live_arrays, now.live_array_bytes, now.live_owners, now.live_handles);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let live = self.settled();
        assert_eq!(live, (0, 0, 0, 1), "arrays, bytes, owners, handles beside the engine's");
        assert_eq!(bowyer_release(self.engine), 0);
        assert_eq!(bowyer_release(self.engine), 17, "a handle is given back once");
    }
}
