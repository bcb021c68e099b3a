/* SPDX-FileCopyrightText: The Bowyer Authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The C ABI from C: version, engine, function, call over a block, error path, records, stale handle, release. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bowyer.h"

#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      fprintf(stderr, "smoke.c:%d: %s does not hold\n", __LINE__, #condition); \
      exit(1);                                                               \
    }                                                                        \
  } while (0)

static void release_schema(struct ArrowSchema* schema) { schema->release = NULL; }

static struct ArrowSchema leaf(const char* format, const char* name) {
  struct ArrowSchema schema;
  memset(&schema, 0, sizeof schema);
  schema.format = format;
  schema.name = name;
  schema.flags = ARROW_FLAG_NULLABLE;
  schema.release = release_schema;
  return schema;
}

static struct ArrowArray int64_array(const int64_t* values, int64_t length, const void** buffers) {
  struct ArrowArray array;
  memset(&array, 0, sizeof array);
  buffers[0] = NULL;
  buffers[1] = values;
  array.length = length;
  array.n_buffers = 2;
  array.buffers = buffers;
  array.release = bowyer_release_nothing;
  return array;
}

static bowyer_error new_error(void) {
  bowyer_error error;
  memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;
  return error;
}

int main(void) {
  /* FunctionCall{function: "add"} and FunctionCall{function: "no_such_function"} */
  static const uint8_t add[] = "\x0a\x03" "add";
  static const uint8_t missing[] = "\x0a\x10" "no_such_function";
  static const int64_t left[] = {1, 2, 3, 4}, right[] = {10, 20, 30, 40};

  CHECK(bowyer_abi_version() / 1000 == BOWYER_ABI_VERSION / 1000);
  CHECK(bowyer_abi_version() >= BOWYER_ABI_VERSION);
  bowyer_abi_v0();

  static const uint8_t settings[] = {0x30, 0x10}; /* EngineConfig{log_records: 16} */
  bowyer_bytes config = {settings, sizeof settings};
  bowyer_error error = new_error();
  uint64_t engine = 0;
  CHECK(bowyer_engine_open(config, &engine, &error) == BOWYER_OK);
  CHECK(engine != 0);

  /* resolve */
  struct ArrowSchema a = leaf("l", "a"), b = leaf("l", "b"), arguments = leaf("+s", "");
  struct ArrowSchema* children[] = {&a, &b};
  arguments.n_children = 2;
  arguments.children = children;
  struct ArrowSchema result_schema;
  memset(&result_schema, 0, sizeof result_schema);
  uint64_t function = 0;
  bowyer_bytes call = {add, sizeof add - 1};
  CHECK(bowyer_function_resolve(engine, call, &arguments, &function, &result_schema, &error) == BOWYER_OK);
  CHECK(strcmp(result_schema.format, "l") == 0);
  result_schema.release(&result_schema);
  CHECK(result_schema.release == NULL);

  /* call */
  const void *left_buffers[2], *right_buffers[2];
  struct ArrowArray arrays[2];
  arrays[0] = int64_array(left, 4, left_buffers);
  arrays[1] = int64_array(right, 4, right_buffers);
  int64_t sizes[] = {0, sizeof left, 0, sizeof right};
  bowyer_argument args[] = {{0, 1, 0, 0}, {1, 1, 0, 0}};
  bowyer_block block;
  memset(&block, 0, sizeof block);
  block.struct_size = sizeof block;
  block.array_count = 2;
  block.owner = 7;
  block.arrays = (uint64_t)(uintptr_t)arrays;
  block.sizes = (uint64_t)(uintptr_t)sizes;
  block.arguments = (uint64_t)(uintptr_t)args;
  block.argument_count = 2;
  struct ArrowArray out;
  memset(&out, 0, sizeof out);
  bowyer_result result;
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  CHECK(bowyer_function_call(NULL, function, (uintptr_t)&block, &out, &result, &error) == BOWYER_OK);
  CHECK(out.length == 4 && out.n_buffers == 2 && result.row_count == 4 && result.buffer_count == 2);
  CHECK((result.flags & BOWYER_RESULT_RETAINED) == 0 && result.bytes_copied == 0);
  CHECK(result.sizes[1] >= (int64_t)(4 * sizeof(int64_t)));
  const int64_t* sums = (const int64_t*)out.buffers[1] + out.offset;
  CHECK(sums[0] == 11 && sums[3] == 44);
  CHECK(arrays[0].release != NULL); /* lent structs are not released */
  CHECK(bowyer_array_release(&out) == BOWYER_OK);
  CHECK(out.release == NULL);
  CHECK(bowyer_array_release(&out) == BOWYER_OK);

  /* a size that lies */
  sizes[1] -= 8;
  CHECK(bowyer_function_call(NULL, function, (uintptr_t)&block, &out, &result, &error) == BOWYER_ERROR_INVALID_ARRAY);
  CHECK(error.code == BOWYER_ERROR_INVALID_ARRAY && error.message_len == strlen(error.message) && error.detail_len > 0);
  CHECK(out.release == NULL);
  error.release(&error);
  CHECK(error.release == NULL && error.message == NULL);

  /* what the engine recorded of that */
  bowyer_event event;
  size_t count = 0;
  CHECK(bowyer_engine_wait(engine, &event, 1, &count, &error) == BOWYER_OK);
  CHECK(count == 1 && event.kind == BOWYER_EVENT_LOG);
  bowyer_buffer logs;
  memset(&logs, 0, sizeof logs);
  logs.struct_size = sizeof logs;
  CHECK(bowyer_engine_logs(engine, &logs, &error) == BOWYER_OK);
  static const char rejected[] = "import rejected";
  int found = 0;
  for (uint64_t at = 0; at + sizeof rejected - 1 <= logs.len; at++) {
    found += memcmp(logs.data + at, rejected, sizeof rejected - 1) == 0;
  }
  CHECK(found == 1);
  logs.release(&logs);
  CHECK(logs.release == NULL);

  /* errors without somewhere to put them, and wrong arguments */
  call.data = missing;
  call.len = sizeof missing - 1;
  CHECK(bowyer_function_resolve(engine, call, &arguments, &function, &result_schema, NULL) == BOWYER_ERROR_NOT_FOUND);
  CHECK(bowyer_engine_open(config, NULL, NULL) == BOWYER_ERROR_INVALID_ARGUMENT);
  CHECK(bowyer_function_call(NULL, function, 0, &out, &result, NULL) == BOWYER_ERROR_INVALID_ARGUMENT);
  result.struct_size -= 1;
  CHECK(bowyer_function_call(NULL, function, (uintptr_t)&block, &out, &result, NULL) == BOWYER_ERROR_INVALID_ARGUMENT);

  /* handles */
  CHECK(bowyer_release(function) == BOWYER_OK);
  CHECK(bowyer_release(function) == BOWYER_ERROR_INVALID_STATE);
  CHECK(bowyer_release(0) == BOWYER_ERROR_INVALID_STATE);
  CHECK(bowyer_release(UINT64_MAX) == BOWYER_ERROR_INVALID_STATE);
  CHECK(bowyer_query_cancel(engine) == BOWYER_ERROR_INVALID_STATE);

  /* statistics and the end */
  bowyer_buffer statistics;
  memset(&statistics, 0, sizeof statistics);
  statistics.struct_size = sizeof statistics;
  CHECK(bowyer_statistics(engine, &statistics, &error) == BOWYER_OK);
  CHECK(statistics.len > 0);
  statistics.release(&statistics);
  CHECK(bowyer_engine_close(engine, &error) == BOWYER_OK);
  CHECK(bowyer_engine_close(engine, &error) == BOWYER_OK);
  CHECK(bowyer_engine_wait(engine, &event, 1, &count, &error) == BOWYER_OK);
  CHECK(count == 1 && event.kind == BOWYER_EVENT_CLOSED);
  CHECK(bowyer_engine_wait(engine, &event, 1, &count, NULL) == BOWYER_ERROR_INVALID_STATE);
  CHECK(bowyer_function_resolve(engine, call, &arguments, &function, &result_schema, NULL) ==
        BOWYER_ERROR_INVALID_STATE);
  CHECK(bowyer_release(engine) == BOWYER_OK);
  puts("smoke: all well");
  return 0;
}
