/* SPDX-FileCopyrightText: The Bowyer Authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bowyer.h: columnar functions and queries over Apache Arrow data, from C.
 *
 * Only three things cross this interface: Arrow C Data Interface structs, protobuf messages of proto/bowyer/v1, and
 * plain numbers. docs/abi.md is the long form of what stands here.
 *
 * Return codes. Every function that can fail returns BOWYER_OK (0) or one of the BOWYER_ERROR_ codes. A function that
 * takes a bowyer_error also fills it; pass NULL to do without. On failure no other output is written, except where a
 * function says otherwise.
 *
 * Structs. A struct that begins with struct_size is zeroed by the caller, who then sets struct_size to its sizeof. A
 * smaller size than this header's is refused as InvalidArgument; a larger one is accepted, and the rest left alone.
 *
 * Ownership. Each pointer parameter is tagged:
 *   [borrows]   read during the call only (a block's buffers: see bowyer_block);
 *   [consumes]  taken over by the library, whatever the function returns;
 *   [returns]   written by the library; the caller runs its release callback once it is done.
 * Handles are numbers, never pointers; zero is no handle. One that is stale, of another kind or made up is
 * InvalidState, never undefined behaviour. Each is given back with bowyer_release.
 *
 * Threads. Every function may be called from any thread at any time, unless it says otherwise. No function but
 * bowyer_engine_wait and bowyer_engine_close blocks for longer than its own work takes. The library never calls the
 * host, with one exception: structs that the host passed to bowyer_stream_pull carry callbacks, and these run only
 * inside bowyer_stream_pull, bowyer_engine_wait and bowyer_engine_close.
 *
 * Since: every item says the minor version of major 0 in which it appeared.
 */

#ifndef BOWYER_H
#define BOWYER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------------- */

/* Version of this header: major * 1000 + minor. While the major is 0, a minor version may change anything. */
#define BOWYER_ABI_VERSION 2

/* Returns the version of the library, as BOWYER_ABI_VERSION. Majors must be equal, and the library's minor at least
 * the one that the caller needs. Since 0.1. */
uint32_t bowyer_abi_version(void);

/* Does nothing. Refer to it so that linking a library of another major fails. Since 0.1. */
void bowyer_abi_v0(void);

/* ---- Arrow C Data Interface ---------------------------------------------------------------------------------- */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* ---- Errors -------------------------------------------------------------------------------------------------- */

#define BOWYER_OK 0
#define BOWYER_ERROR_INVALID_ARGUMENT 1
#define BOWYER_ERROR_TYPE_MISMATCH 2
#define BOWYER_ERROR_NOT_FOUND 3
#define BOWYER_ERROR_OUT_OF_BOUNDS 4
#define BOWYER_ERROR_NOT_IMPLEMENTED 5
#define BOWYER_ERROR_INVALID_ARRAY 6
#define BOWYER_ERROR_INVALID_DATA 7
#define BOWYER_ERROR_PARSE 8
#define BOWYER_ERROR_INVALID_UTF8 9
#define BOWYER_ERROR_OVERFLOW 10
#define BOWYER_ERROR_DIVIDE_BY_ZERO 11
#define BOWYER_ERROR_MEMORY_LIMIT 12
#define BOWYER_ERROR_LIMIT_EXCEEDED 13
#define BOWYER_ERROR_IO 14
#define BOWYER_ERROR_CANCELLED 15
#define BOWYER_ERROR_DEADLINE_EXCEEDED 16
#define BOWYER_ERROR_INVALID_STATE 17
#define BOWYER_ERROR_INCOMPATIBLE_VERSION 18
#define BOWYER_ERROR_USER_FUNCTION 19
#define BOWYER_ERROR_WORKER_LOST 20
#define BOWYER_ERROR_QUARANTINED 21
#define BOWYER_ERROR_ISOLATION_UNAVAILABLE 22
#define BOWYER_ERROR_INTERNAL 23

/* Bytes of the caller, or of a longer-lived object. [borrows] Since 0.1. */
typedef struct bowyer_bytes {
  const uint8_t* data; /* may be NULL when len is 0 */
  size_t len;
} bowyer_bytes;

/* Bytes of the library. Call release, when it is not NULL, once done; it then is NULL. Since 0.1. */
typedef struct bowyer_buffer {
  uint32_t struct_size;
  uint32_t flags; /* 0 */
  const uint8_t* data;
  uint64_t len;
  void (*release)(struct bowyer_buffer*);
  void* private_data;
} bowyer_buffer;

/* Why a function failed. Call release, when it is not NULL, once done; it then is NULL. Since 0.1. */
typedef struct bowyer_error {
  uint32_t struct_size;
  int32_t code;         /* one of BOWYER_ERROR_ */
  const char* message;  /* UTF-8, ends with a zero byte */
  uint64_t message_len; /* without the zero byte */
  const uint8_t* detail; /* bowyer.v1.ErrorDetail: where it happened */
  uint64_t detail_len;
  void (*release)(struct bowyer_error*);
  void* private_data;
} bowyer_error;

/* ---- Calls, blocks, results ---------------------------------------------------------------------------------- */

/* How a call runs. NULL stands for no limit of its own. Since 0.1. */
typedef struct bowyer_call {
  uint32_t struct_size;
  uint32_t flags;         /* 0 */
  uint64_t timeout_ns;    /* time left from now; 0: none */
  uint64_t memory_limit;  /* bytes; 0: the engine's */
  const uint32_t* cancel; /* may be NULL. The caller sets the word to 1 to cancel. Read during the call only: a query is
                             cancelled by bowyer_query_cancel */
  char traceparent[56];   /* W3C trace context, ends with a zero byte; empty: none */
} bowyer_call;

/* One argument of a function: `count` arrays of the block from `first` on. Since 0.1. */
typedef struct bowyer_argument {
  uint32_t first;
  uint32_t count;
  uint32_t flags;
  uint32_t reserved; /* 0 */
} bowyer_argument;

#define BOWYER_ARGUMENT_SCALAR 1u  /* one array of one row, which stands for every row */
#define BOWYER_ARGUMENT_CHUNKED 2u /* any number of arrays of one type, one after another */

/*
 * Columns that the caller lends. The address of a block is passed as a number, because cgo would otherwise walk
 * everything that it points at.
 *
 * The structs (block, ArrowArray, side tables) are read during the call only, and the library never releases them:
 * give them bowyer_release_nothing as release callback. The buffers are lent until the call returns, or, when the
 * result says BOWYER_RESULT_RETAINED, until the event BOWYER_EVENT_OWNER names `owner`. They must not change
 * meanwhile.
 *
 * Nothing in a block is believed: counts, offsets, null counts and buffer sizes are checked before they are used.
 * Since 0.1.
 */
typedef struct bowyer_block {
  uint32_t struct_size;
  uint32_t array_count;
  uint64_t owner;     /* the caller's number for these buffers: not zero, unique among those alive */
  int64_t row_count;  /* of a record batch; ignored for the arguments of a function unless there are none */
  uint64_t arrays;    /* address of struct ArrowArray[array_count] */
  uint64_t sizes;     /* address of int64_t[]: bytes of every buffer of every node, in preorder (a node, its children,
                         its dictionary), n_buffers entries a node, array after array. 0: not known, sizes are derived
                         from lengths and offsets. An entry of -1: that one is not known */
  uint64_t arguments; /* address of bowyer_argument[argument_count]; 0 for a record batch */
  uint32_t argument_count;
  uint32_t flags;
} bowyer_block;

#define BOWYER_BLOCK_TRUSTED 1u /* structure and sizes are checked, contents are not: only for data that was checked */
#define BOWYER_BLOCK_FULL 2u    /* values are checked too: decimals, dates, times, nulls in non-nullable fields */

/* A buffer of a result that lies inside a buffer of a block. Since 0.1. */
typedef struct bowyer_alias {
  uint64_t owner;
  uint32_t source_buffer; /* buffer of that owner's block: index in preorder, as for sizes */
  uint32_t target_buffer; /* buffer of this result: index in preorder */
  int64_t offset;         /* bytes from the start of the source buffer */
  int64_t byte_len;
} bowyer_alias;

/*
 * What a call did. BOWYER_RESULT_RETAINED is also written when the call fails. aliases and sizes live until the array of the same call is released; read them before.
 * An aliased buffer belongs to its owner, not to the array: of a function call, it is valid as long as the caller
 * keeps the owner's buffers; of bowyer_query_next, until the array is released. Since 0.1.
 */
typedef struct bowyer_result {
  uint32_t struct_size;
  uint32_t state; /* of bowyer_query_next */
  uint32_t flags;
  uint32_t alias_count;
  uint32_t buffer_count; /* entries in sizes */
  uint32_t reserved;
  int64_t row_count;
  const bowyer_alias* aliases;
  const int64_t* sizes; /* bytes of every buffer of the result, in preorder */
  uint64_t byte_len;    /* native bytes that the array holds, aliases not counted */
  uint64_t bytes_copied; /* of the block, because a buffer's alignment or content had to be repaired */
} bowyer_result;

#define BOWYER_STATE_BATCH 1u   /* array holds a batch */
#define BOWYER_STATE_PENDING 2u /* nothing yet: BOWYER_EVENT_OUTPUT follows */
#define BOWYER_STATE_END 3u     /* no more batches */

#define BOWYER_RESULT_RETAINED 1u /* the block's buffers are still held: BOWYER_EVENT_OWNER follows */
#define BOWYER_RESULT_SCALAR 2u   /* array has one row, which stands for every row */

/* The release callback of structs that are only lent: marks the struct released and does nothing else. Since 0.1. */
void bowyer_release_nothing(struct ArrowArray* array);

/* Runs the release callback of `array`, unless it is released already. NULL is InvalidArgument. Since 0.1. */
int32_t bowyer_array_release(struct ArrowArray* array);

/* ---- Engines and events -------------------------------------------------------------------------------------- */

typedef struct bowyer_event {
  uint32_t kind;
  uint32_t port;
  uint64_t handle;
  uint64_t value;
} bowyer_event;

#define BOWYER_EVENT_OUTPUT 1u   /* query `handle` has something for bowyer_query_next at output `port` */
#define BOWYER_EVENT_INPUT 2u    /* query `handle` takes `value` more batches at input `port` */
#define BOWYER_EVENT_OWNER 3u    /* the buffers of owner `value` are no longer held */
#define BOWYER_EVENT_LOG 4u      /* there are records for bowyer_engine_logs */
#define BOWYER_EVENT_FUNCTION 5u /* reserved */
#define BOWYER_EVENT_CLOSED 6u   /* the last event: the engine is closed */

/* Opens an engine. config [borrows]: bowyer.v1.EngineConfig. Since 0.1. */
int32_t bowyer_engine_open(bowyer_bytes config, uint64_t* engine_out, bowyer_error* error);

/*
 * Waits until there are events, and writes at most `capacity` of them to `events`. One thread waits at a time: a
 * second is InvalidState. After BOWYER_EVENT_CLOSED every further wait is InvalidState. Runs release callbacks of
 * structs that came from bowyer_stream_pull. Since 0.1.
 */
int32_t bowyer_engine_wait(uint64_t engine, bowyer_event* events, size_t capacity, size_t* count_out,
                           bowyer_error* error);

/*
 * Refuses new work, cancels what runs, joins the threads, and sends BOWYER_EVENT_CLOSED. Arrays handed out stay
 * valid. Closing twice is fine. The handle itself goes with bowyer_release. Runs release callbacks of structs that came
 * from bowyer_stream_pull. Since 0.1.
 */
int32_t bowyer_engine_close(uint64_t engine, bowyer_error* error);

/* Writes bowyer.v1.EngineStatistics for an engine, bowyer.v1.QueryStatistics for a query. Since 0.1. */
int32_t bowyer_statistics(uint64_t handle, bowyer_buffer* statistics_out, bowyer_error* error);

/*
 * Writes bowyer.v1.LogRecords: what was recorded since the last call, and how many records found no room. Nothing is
 * recorded unless EngineConfig.log_records says how many may wait. After BOWYER_EVENT_LOG no other such event comes until
 * this was called. Works until the engine's handle is released. Since 0.2.
 */
int32_t bowyer_engine_logs(uint64_t engine, bowyer_buffer* logs_out, bowyer_error* error);

/* Gives back a handle of any kind. An engine that is still open is closed first. A query that still runs is
 * cancelled. InvalidState when the handle is not alive. Since 0.1. */
int32_t bowyer_release(uint64_t handle);

/* ---- Functions ----------------------------------------------------------------------------------------------- */

/*
 * Finds a function's overload for argument types. call [borrows]: bowyer.v1.FunctionCall. arguments [borrows]: a struct
 * ("+s") of the arguments. result_out [returns]: the type of the result. Since 0.1.
 */
int32_t bowyer_function_resolve(uint64_t engine, bowyer_bytes call, const struct ArrowSchema* arguments,
                                uint64_t* function_out, struct ArrowSchema* result_out, bowyer_error* error);

/* Calls a function. The block names its arguments. array_out [returns]: one array. Since 0.1. */
int32_t bowyer_function_call(const bowyer_call* call, uint64_t function, uintptr_t block, struct ArrowArray* array_out,
                             bowyer_result* result_out, bowyer_error* error);

/* ---- Schemas and sources ------------------------------------------------------------------------------------- */

/* Keeps a schema: a struct ("+s") of columns. schema [borrows]. Since 0.1. */
int32_t bowyer_schema_open(uint64_t engine, const struct ArrowSchema* schema, uint64_t* schema_out,
                           bowyer_error* error);

/*
 * Takes a record batch in and gives it back, for tests and measurements: with copy 0 as aliases of the block, with copy
 * 1 in native memory, dictionaries and values of views too. array_out [returns]: a struct array of the columns. Since 0.1.
 */
int32_t bowyer_block_echo(const bowyer_call* call, uint64_t schema, uintptr_t block, uint32_t copy,
                          struct ArrowArray* array_out, bowyer_result* result_out, bowyer_error* error);

/* Opens an empty table that any number of queries may read. schema [borrows]. Since 0.1. */
int32_t bowyer_source_open(uint64_t engine, const struct ArrowSchema* schema, uint64_t* source_out,
                           bowyer_error* error);

/* Appends a record batch: its buffers are held until the source and every query over it are gone. Since 0.1. */
int32_t bowyer_source_push(uint64_t source, uintptr_t block, bowyer_result* result_out, bowyer_error* error);

/* ---- Plans and queries --------------------------------------------------------------------------------------- */

/* Checks, binds and optimises a plan. plan [borrows]: bowyer.v1.Plan. description_out [returns], may be NULL:
 * bowyer.v1.PlanDescription. Since 0.1. */
int32_t bowyer_plan_prepare(const bowyer_call* call, uint64_t engine, bowyer_bytes plan, uint64_t* prepared_out,
                            bowyer_buffer* description_out, bowyer_error* error);

/* Writes the schema of an output, a struct of its columns; NotFound past the last one. schema_out [returns].
 * Since 0.1. */
int32_t bowyer_plan_output(uint64_t prepared, uint32_t output, struct ArrowSchema* schema_out, bowyer_error* error);

/* Starts a query. bindings [borrows]: bowyer.v1.QueryBindings. The call's timeout and memory limit are the query's. One
 * prepared plan may run many times at once. Events of the query may arrive before this function has returned.
 * Since 0.1. */
int32_t bowyer_query_start(const bowyer_call* call, uint64_t prepared, bowyer_bytes bindings, uint64_t* query_out,
                           bowyer_error* error);

/* Gives a record batch to a pushed input. One thread at a time an input. Costs one of the credits that
 * BOWYER_EVENT_INPUT brought. Since 0.1. */
int32_t bowyer_query_push(uint64_t query, uint32_t input, uintptr_t block, bowyer_result* result_out,
                          bowyer_error* error);

/* Ends a pushed input; why [borrows]: the error that the query then fails with, NULL at the ordinary end. Of an error
 * only code, message and detail are read. Since 0.1. */
int32_t bowyer_query_finish(uint64_t query, uint32_t input, const bowyer_error* why);

/*
 * Fetches the next batch of an output. batch_out [returns]: a struct array of the columns, written only in
 * BOWYER_STATE_BATCH. Owners that the batch aliases are held until it is released. One thread at a time an output.
 * Since 0.1.
 */
int32_t bowyer_query_next(uint64_t query, uint32_t output, struct ArrowArray* batch_out, bowyer_result* result_out,
                          bowyer_error* error);

/* Asks a query to stop. Its outputs then fail with Cancelled. Since 0.1. */
int32_t bowyer_query_cancel(uint64_t query);

/*
 * Moves one batch of a foreign stream into a pushed input, for one credit. At the end of the stream, or when it fails,
 * the input is finished and the stream released: stream->release is then NULL. Since 0.1. Runs the stream's callbacks
 * on the calling thread.
 */
int32_t bowyer_stream_pull(uint64_t query, uint32_t input, struct ArrowArrayStream* stream, bowyer_error* error);

#ifdef __cplusplus
}
#endif

#endif /* BOWYER_H */
