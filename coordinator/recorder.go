package coordinator

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A recorded log is files called START.log, START the index of the first entry of the file, in ten digits. Each entry is
//
//	length  uint32  of the entry
//	check   uint32  CRC-32C of index and entry
//	index   uint64  which entry of the run's log it is, from 1
//	entry   bytes
//
// little-endian. Indices go on but for entries of raft's own, which are not here. A node that is sent a snapshot has a gap;
// its next file starts after it, and only then, or where the one before is full.

// recorder appends entries to a recorded log.
type recorder struct {
	dir  string
	last uint64 // index of the newest entry; 0 for none
	file *os.File
	out  *bufio.Writer
}

const (
	entryHead   = 16
	segmentSize = 1 << 30 // bytes after which a new file begins
	logSuffix   = ".log"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openRecorder goes on with the log in dir, after its last whole entry.
func openRecorder(dir string) (*recorder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("coordinator: recording frames: %w", err)
	}
	r := &recorder{dir: dir}
	segments, err := segments(dir)
	if err != nil || len(segments) == 0 {
		return r, err
	}
	newest, end := "", int64(0)
	for i := len(segments) - 1; i >= 0 && r.last == 0; i-- { // a process that was killed may have left one without an entry
		newest, end = segments[i], 0
		err = readSegment(newest, func(index uint64, _ []byte, at int64) error {
			r.last, end = index, at
			return nil
		})
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if r.last == 0 {
			if err := os.Remove(newest); err != nil {
				return nil, fmt.Errorf("coordinator: recording frames: %w", err)
			}
		}
	}
	if r.last == 0 {
		return r, nil
	}
	if r.file, err = os.OpenFile(newest, os.O_WRONLY, 0o666); err != nil {
		return nil, err
	}
	if err := r.file.Truncate(end); err != nil {
		return nil, errors.Join(err, r.file.Close())
	}
	if _, err := r.file.Seek(end, io.SeekStart); err != nil {
		return nil, errors.Join(err, r.file.Close())
	}
	r.out = bufio.NewWriterSize(r.file, 1<<18)
	return r, nil
}

// segments are the files of a recorded log, in order.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the recorded log: %w", err)
	}
	var files []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), logSuffix); ok {
			if _, err := strconv.ParseUint(name, 10, 64); err == nil {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	slices.Sort(files)
	return files, nil
}

// append takes an entry; one that is there already, since raft gives it again after a restart, is passed over.
func (r *recorder) append(index uint64, entry []byte) error {
	if index <= r.last {
		return nil
	}
	if r.file == nil || index != r.last+1 || r.size() > segmentSize {
		if err := r.turn(index); err != nil {
			return err
		}
	}
	var head [entryHead]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(entry)))
	binary.LittleEndian.PutUint64(head[8:], index)
	binary.LittleEndian.PutUint32(head[4:], crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, entry))
	if _, err := r.out.Write(head[:]); err != nil {
		return fmt.Errorf("coordinator: recording frames: %w", err)
	}
	if _, err := r.out.Write(entry); err != nil {
		return fmt.Errorf("coordinator: recording frames: %w", err)
	}
	r.last = index
	return r.out.Flush() // a killed node loses nothing that it applied
}

func (r *recorder) size() int64 {
	at, err := r.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return at
}

// skip leaves out the entries up to index, which came in a snapshot, unless they are here.
func (r *recorder) skip(index uint64) error {
	if index <= r.last {
		return nil
	}
	r.last = index
	return r.close()
}

// turn begins a new file.
func (r *recorder) turn(index uint64) error {
	if err := r.close(); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(r.dir, fmt.Sprintf("%010d%s", index, logSuffix)))
	if err != nil {
		return fmt.Errorf("coordinator: recording frames: %w", err)
	}
	r.file, r.out = f, bufio.NewWriterSize(f, 1<<18)
	return nil
}

func (r *recorder) close() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.out.Flush(), r.file.Close())
	r.file = nil
	return err
}

// readSegment hands over the entries of one file; end is where each ends. A last entry that is cut short gives
// io.ErrUnexpectedEOF.
func readSegment(path string, do func(index uint64, entry []byte, end int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	in := bufio.NewReaderSize(f, 1<<18)
	var head [entryHead]byte
	end := int64(0)
	for {
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n > 1<<24 {
			return fmt.Errorf("%s at byte %d: an entry of %d bytes: damaged", path, end, n)
		}
		entry := make([]byte, n)
		if _, err := io.ReadFull(in, entry); err != nil {
			return io.ErrUnexpectedEOF
		}
		if crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, entry) != binary.LittleEndian.Uint32(head[4:]) {
			return fmt.Errorf("%s at byte %d: an entry does not match its checksum: damaged", path, end)
		}
		end += entryHead + int64(n)
		if err := do(binary.LittleEndian.Uint64(head[8:]), entry, end); err != nil {
			return err
		}
	}
}
