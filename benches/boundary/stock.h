/* SPDX-FileCopyrightText: The Bowyer Authors */
/* SPDX-License-Identifier: Apache-2.0 */

#ifndef STOCK_H
#define STOCK_H

#include <stdint.h>

/* The structs are those of the Arrow C Data Interface; here only their addresses matter. */
int32_t stock_round_trip(void *array, void *schema, void *array_out, void *schema_out);

#endif
