package main

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLog is the log of a long-running process: one line a decision, as text, or as JSON for machines. On a terminal only
// what somebody should look at is shown.
func newLog(out io.Writer, asJSON bool) *zap.Logger {
	level := zapcore.InfoLevel
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewConsoleEncoder(encoding)
	switch {
	case asJSON:
		encoder = zapcore.NewJSONEncoder(encoding)
	case isTerminal(out):
		level = zapcore.WarnLevel
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), level))
}
