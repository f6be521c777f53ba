package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip" // a third faster than the standard library's
)

// maxRatio is how much longer than its compressed form a deflated file can be (zlib's technical notes). It bounds what
// a header may claim before anything is allocated for it.
const maxRatio = 1032

// source is a file that is being read, uncompressed.
type source struct {
	*bufio.Reader
	path  string
	limit int64 // no more bytes than this can come
	file  *os.File
}

// open opens the file at path as it is, or compressed as path.gz.
func open(path string) (*source, error) {
	f, err := os.Open(path)
	compressed := false
	if errors.Is(err, fs.ErrNotExist) {
		if zipped, failed := os.Open(path + ".gz"); failed == nil {
			f, err, path, compressed = zipped, nil, path+".gz", true
		} else {
			return nil, fmt.Errorf("neither %s nor %s.gz is there%w", path, path, silent{fs.ErrNotExist})
		}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &source{path: path, limit: info.Size(), file: f}
	var r io.Reader = f
	if compressed {
		s.limit = min(s.limit, 1<<40) * maxRatio
		if r, err = gzip.NewReader(bufio.NewReaderSize(f, 1<<16)); err != nil {
			return nil, errors.Join(s.fault("%w", err), f.Close())
		}
	}
	s.Reader = bufio.NewReaderSize(r, 1<<16)
	return s, nil
}

func (s *source) close() { s.file.Close() } //nolint:errcheck // nothing was written

func (s *source) fault(format string, args ...any) error {
	return fmt.Errorf("%s: %w", s.path, fmt.Errorf(format, args...))
}

// silent is an error that errors.Is finds and nobody reads.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }
