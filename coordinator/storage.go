package coordinator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logSegment is the bytes of a file of the log.
const logSegment = 64 << 20

// storage is where raft keeps what it must not forget.
type storage struct {
	log       raft.LogStore
	stable    raft.StableStore
	snapshots raft.SnapshotStore
	file      io.Closer // nil in memory
}

// cachedEntries is how many of the newest entries are kept in memory, so that sending them to the followers and applying
// them reads no file: 12 MiB of full batches.
const cachedEntries = 16

// openStorage opens the storage in dir; an empty dir keeps it in memory. The log is in files of
// segmentSize bytes, and what snapshots made superfluous of it goes file by file. Failed is told when it cannot be written.
func openStorage(dir string, segmentSize int, disk func() error, failed func(error), log *zap.Logger) (storage, error) {
	if dir == "" {
		m := raft.NewInmemStore()
		return storage{log: m, stable: m, snapshots: raft.NewInmemSnapshotStore()}, nil
	}
	logs := filepath.Join(dir, "raft")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return storage{}, fmt.Errorf("coordinator: opening the log: %w", err)
	}
	meta := &metadb.BoltMetaDB{} // which the log does not close by itself
	w, err := wal.Open(logs, wal.WithLogger(hclogTo(log)), wal.WithSegmentSize(segmentSize), wal.WithMetaStore(meta),
		wal.WithSegmentFiler(filer{segment.NewFiler(logs, fs.New())}))
	if err != nil {
		return storage{}, fmt.Errorf("coordinator: opening the log in %s: %w", logs, err)
	}
	both := closers{w, meta}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, 2, hclogTo(log))
	if err != nil {
		return storage{}, errors.Join(fmt.Errorf("coordinator: opening snapshots: %w", err), both.Close())
	}
	cached, err := raft.NewLogCache(cachedEntries, guarded{w, disk, failed})
	if err != nil {
		return storage{}, errors.Join(err, both.Close())
	}
	return storage{log: cached, stable: w, snapshots: snapshots, file: both}, nil
}

// filer opens the log's files. A follower whose newest entries another leader takes back cuts the file they are in, and
// raft-wal v0.4.0 then leaves out the index by which it would read what is left: after a restart the log could never be
// opened again. Such a file is read like one that was still being written when the process died, from its start.
type filer struct{ *segment.Filer }

func (f filer) Open(info types.SegmentInfo) (types.SegmentReader, error) {
	if info.IndexStart == 0 {
		return f.RecoverTail(info)
	}
	return f.Filer.Open(info)
}

// guarded is a log that says when it cannot be written.
type guarded struct {
	*wal.WAL
	disk   func() error // for tests: why the disk takes no more; nil for a disk as it is
	failed func(error)
}

// StoreLog stores one entry.
func (w guarded) StoreLog(l *raft.Log) error { return w.StoreLogs([]*raft.Log{l}) }

// StoreLogs stores entries.
func (w guarded) StoreLogs(logs []*raft.Log) error {
	var err error
	if w.disk != nil {
		err = w.disk()
	}
	if err == nil {
		err = w.WAL.StoreLogs(logs)
	}
	if err != nil {
		w.failed(err)
	}
	return err
}

// closers are closed one after another.
type closers []io.Closer

// Close closes all of them.
func (all closers) Close() error {
	var err error
	for _, c := range all {
		err = errors.Join(err, c.Close())
	}
	return err
}

// Close closes what openStorage opened.
func (s storage) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func (s storage) close() error { return s.Close() }

// hclogTo is raft's logger, that writes to ours: what it calls info is of interest to who debugs.
func hclogTo(log *zap.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(zapSink{log.Named("raft")})
	return l
}

type zapSink struct{ log *zap.Logger }

// Accept takes one line of raft's.
func (s zapSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	at := zapcore.DebugLevel
	switch level {
	case hclog.Warn:
		at = zapcore.DebugLevel // elections and lost peers: the node says itself what matters of it
	case hclog.Error:
		at = zapcore.WarnLevel
	}
	entry := s.log.Check(at, msg)
	if entry == nil {
		return
	}
	var fields []zap.Field
	for i := 0; i+1 < len(args); i += 2 {
		if key, ok := args[i].(string); ok {
			fields = append(fields, zap.Any(key, args[i+1]))
		}
	}
	entry.Write(fields...)
}
