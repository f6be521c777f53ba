package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"weir/atomicfile"
	"weir/compress"
	"weir/config"
	"weir/transport"
	"weir/vec"
)

// A client's file holds its state as of its last round, little-endian:
//
//	magic "weir client", format version, the run's configuration (length in 4 bytes, YAML)
//	client (4 bytes), settled (8)
//	updates (1), each: seq (8), base (8), report's JSON (length in 4, bytes), frames (length in 4, bytes)
//	memory as Memory.Append writes it (to the end)
//	CRC-32C of all before it (4)
const (
	stateMagic   = "weir client"
	stateVersion = 1
)

// ErrState is returned by Run for a client's file that is damaged, or that is another run's.
var ErrState = errors.New("worker: state on disk does not fit")

// update is one of a client's updates. What is on disk of it does not change.
type update struct {
	seq, base uint64
	report    transport.Report
	bytes     []byte   // all frames, back to back
	frames    [][]byte // each of them, sharing bytes

	ready time.Time // when it may be published, where links are emulated; the loop's
}

// newUpdate cuts an update into its frames.
func newUpdate[T vec.Float](codec *compress.Codec[T], seq, base uint64, report transport.Report, frames []byte) (*update, error) {
	u := &update{seq: seq, base: base, report: report, bytes: frames}
	verified, err := codec.Frames(nil, frames)
	for _, f := range verified {
		u.frames = append(u.frames, frames[:f.Size():f.Size()])
		frames = frames[f.Size():]
	}
	return u, err
}

// saved is what a client's file says.
type saved[T vec.Float] struct {
	settled uint64
	outbox  []*update
	memory  *compress.Memory[T]
}

func statePath(dir string, client uint32) string {
	return filepath.Join(dir, fmt.Sprintf("client-%d.state", client))
}

// appendState adds a client's file to dst.
func appendState[T vec.Float](dst []byte, run string, client uint32, s saved[T]) []byte {
	le := binary.LittleEndian
	start := len(dst)
	dst = append(dst, stateMagic...)
	dst = append(dst, stateVersion)
	dst = le.AppendUint32(dst, uint32(len(run)))
	dst = append(dst, run...)
	dst = le.AppendUint32(dst, client)
	dst = le.AppendUint64(dst, s.settled)
	dst = append(dst, byte(len(s.outbox)))
	for _, u := range s.outbox {
		dst = le.AppendUint64(dst, u.seq)
		dst = le.AppendUint64(dst, u.base)
		for _, part := range [][]byte{transport.Encode(u.report), u.bytes} {
			dst = le.AppendUint32(dst, uint32(len(part)))
			dst = append(dst, part...)
		}
	}
	dst = s.memory.Append(dst)
	return le.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// loadState reads a client's file. It returns nil when there is none.
func loadState[T vec.Float](codec *compress.Codec[T], dir, run string, client uint32) (*saved[T], error) {
	path := statePath(dir, client)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a client that is new here
	}
	if err != nil {
		return nil, err
	}
	s, err := parseState(codec, b, run, client)
	switch {
	case errors.Is(err, errOtherRun):
		return nil, fmt.Errorf("%w: %s: %w: give every run a folder of its own (--dir)", ErrState, path, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w: bring the file back from a copy, or remove it: the client then begins anew, and what it had not sent is lost",
			ErrState, path, err)
	}
	return s, nil
}

var errOtherRun = errors.New("it is of another run, or of this one with another config")

func parseState[T vec.Float](codec *compress.Codec[T], b []byte, run string, client uint32) (*saved[T], error) {
	le := binary.LittleEndian
	if len(b) < len(stateMagic)+1 || string(b[:len(stateMagic)]) != stateMagic {
		return nil, errors.New("it is no client's state")
	}
	if v := b[len(stateMagic)]; v != stateVersion {
		return nil, fmt.Errorf("its format is %d, this build writes %d", v, stateVersion)
	}
	body := len(b) - 4
	if body < len(stateMagic)+1 || le.Uint32(b[body:]) != crc32.Checksum(b[:body], castagnoli) {
		return nil, errors.New("it is damaged: its checksum is wrong")
	}
	r := stateReader{rest: b[len(stateMagic)+1 : body]}
	if differs := config.Differences(r.take(int(r.uint32())), []byte(run)); len(differs) > 0 {
		return nil, fmt.Errorf("%w: %s", errOtherRun, differs[0])
	}
	if id := r.uint32(); id != client {
		return nil, fmt.Errorf("it is of client %d", id)
	}
	s := &saved[T]{settled: r.uint64()}
	for range r.byte() {
		seq, base := r.uint64(), r.uint64()
		var report transport.Report
		if err := transport.Decode(r.take(int(r.uint32())), &report); err != nil {
			return nil, err
		}
		frames := r.take(int(r.uint32()))
		u, err := newUpdate(codec, seq, base, report, frames)
		if err != nil {
			return nil, err
		}
		s.outbox = append(s.outbox, u)
	}
	var err error
	s.memory, err = codec.RestoreMemory(r.rest)
	return s, err
}

// stateReader reads what is there, and zeros past the end: the checksum has said that the file is as it was written.
type stateReader struct{ rest []byte }

func (r *stateReader) take(n int) []byte {
	n = max(0, min(n, len(r.rest)))
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *stateReader) number(size int) (v uint64) {
	for i, b := range r.take(size) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

func (r *stateReader) byte() uint8    { return uint8(r.number(1)) }
func (r *stateReader) uint32() uint32 { return uint32(r.number(4)) }
func (r *stateReader) uint64() uint64 { return r.number(8) }

// writeState replaces a client's file, whole or not at all.
func writeState(dir string, client uint32, b []byte) error {
	return atomicfile.Swap(statePath(dir, client), b)
}
