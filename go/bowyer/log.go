// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/bowyer-arrow/bowyer/go/internal/wire"
)

// waitingRecords is how many native records may wait for a Logger.
const waitingRecords = 4096

func (c Config) logRecords() uint32 {
	if c.Logger == nil {
		return 0
	}
	return waitingRecords
}

// writeRecords gives native records to a handler, with the times at which they were made.
func writeRecords(handler slog.Handler, records *wire.LogRecords) {
	ctx := context.Background()
	for _, record := range records.GetRecords() {
		if level := slog.Level(record.GetLevel()); handler.Enabled(ctx, level) {
			_ = handler.Handle(ctx, logRecord(record)) // a logger that fails has nobody to tell
		}
	}
	if dropped := records.GetDropped(); dropped > 0 && handler.Enabled(ctx, slog.LevelWarn) {
		record := slog.NewRecord(time.Now(), slog.LevelWarn, "records dropped", 0)
		record.AddAttrs(slog.String("component", "bowyer"), slog.Uint64("count", dropped))
		_ = handler.Handle(ctx, record)
	}
}

func logRecord(record *wire.LogRecord) slog.Record {
	at := time.Unix(0, int64(record.GetTimeUnixNs()))
	out := slog.NewRecord(at, slog.Level(record.GetLevel()), record.GetMessage(), 0)
	out.AddAttrs(slog.String("component", "bowyer"))
	if id := record.GetQueryId(); id != "" {
		out.AddAttrs(slog.String("query_id", id))
	}
	if parts := strings.Split(record.GetTraceparent(), "-"); len(parts) == 4 {
		out.AddAttrs(slog.String("trace_id", parts[1]), slog.String("span_id", parts[2]))
	}
	if elapsed := time.Duration(record.GetDurationNs()); elapsed > 0 {
		out.AddAttrs(slog.Time("start", at.Add(-elapsed)), slog.Duration("elapsed", elapsed))
	}
	for _, field := range record.GetFields() {
		switch value := field.GetValue().(type) {
		case *wire.LogField_Number:
			out.AddAttrs(slog.Uint64(field.GetKey(), value.Number))
		case *wire.LogField_Text:
			out.AddAttrs(slog.String(field.GetKey(), value.Text))
		}
	}
	return out
}
