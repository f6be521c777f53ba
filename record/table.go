package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"weir/atomicfile"
)

// maxLine bounds a line of a CSV file that is read back, in bytes.
const maxLine = 1 << 20

// table is a CSV file that is appended to: a header, then one row a line.
type table struct {
	path    string
	file    *os.File
	out     *bufio.Writer
	columns []string
	line    []byte // scratch for the row being written
}

// openTable opens path at its end, or starts it with the header columns. A partial last line, which a killed process
// leaves, is cut off.
func openTable(path string, columns []string) (*table, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	t := &table{path: path, file: f, out: bufio.NewWriterSize(f, 1<<16)}
	if err := t.resume(columns); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

func (t *table) resume(columns []string) error {
	end, err := wholeLines(t.file)
	if err != nil {
		return err
	}
	if end == 0 {
		t.columns = columns
		if err := t.truncate(0); err != nil {
			return err
		}
		return t.write([]byte(strings.Join(columns, ",") + "\n"))
	}
	header, err := firstLine(t.file)
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	t.columns = strings.Split(header, ",")
	if len(t.columns) < len(columns) || strings.Join(t.columns[:len(columns)], ",") != strings.Join(columns, ",") {
		return fmt.Errorf("%s line 1: the columns are not those that this version of weir writes", t.path)
	}
	return t.truncate(end)
}

func firstLine(f *os.File) (string, error) {
	line, err := bufio.NewReaderSize(io.NewSectionReader(f, 0, maxLine), maxLine).ReadString('\n')
	if err != nil {
		return "", errors.New("line 1 is too long for a header")
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// wholeLines is the length of f up to the end of its last whole line.
func wholeLines(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, min(size, maxLine))
	if _, err := f.ReadAt(buf, size-int64(len(buf))); err != nil {
		return 0, err
	}
	n := bytes.LastIndexByte(buf, '\n') + 1
	if n == 0 && size > int64(len(buf)) {
		return 0, fmt.Errorf("%s: its last line is longer than %d bytes", f.Name(), maxLine)
	}
	return size - int64(len(buf)-n), nil
}

// write appends line, which ends in a newline, and keeps its memory for the next one.
func (t *table) write(line []byte) error {
	t.line = line
	_, err := t.out.Write(line)
	return err
}

func (t *table) flush() error { return t.out.Flush() }

func (t *table) truncate(size int64) error {
	if err := t.file.Truncate(size); err != nil {
		return err
	}
	_, err := t.file.Seek(size, io.SeekStart)
	return err
}

// rewind keeps the header and the first rows rows.
func (t *table) rewind(rows int) error {
	if err := t.flush(); err != nil {
		return err
	}
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReaderSize(t.file, 1<<16)
	size := int64(0)
	for have := -1; have < rows; have++ {
		n, err := skipLine(in)
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s holds %d rows, %d are needed: its last rows were lost, so the run cannot go on from here", t.path, max(have, 0), rows)
		} else if err != nil {
			return err
		}
		size += n
	}
	return t.truncate(size)
}

// skipLine is the length of the line that it reads past.
func skipLine(in *bufio.Reader) (n int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		n += int64(len(part))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return n, err
		}
	}
}

// widen adds columns at the right end; the rows so far get empty cells there. It rewrites the file, which happens once
// in a run: when the first row with metrics comes.
func (t *table) widen(columns []string) error {
	if err := t.flush(); err != nil {
		return err
	}
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	header := "," + strings.Join(columns, ",") + "\n"
	cells := strings.Repeat(",", len(columns)) + "\n"
	err := atomicfile.Write(t.path, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 1<<16)
		in := bufio.NewScanner(t.file)
		in.Buffer(nil, maxLine)
		for end := header; in.Scan(); end = cells {
			out.Write(in.Bytes()) // the error is out.Flush's
			out.WriteString(end)
		}
		return errors.Join(in.Err(), out.Flush())
	})
	if err != nil {
		return err
	}
	return t.replaced(columns)
}

// replaced goes on writing at the end of the file that widen put at t.path.
func (t *table) replaced(added []string) error {
	f, err := os.OpenFile(t.path, os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return errors.Join(err, f.Close())
	}
	old := t.file
	t.file = f
	t.out.Reset(f)
	t.columns = append(t.columns[:len(t.columns):len(t.columns)], added...)
	return old.Close()
}

func (t *table) close() error {
	if t.file == nil {
		return nil
	}
	err := errors.Join(t.flush(), t.file.Sync(), t.file.Close())
	t.file = nil
	return err
}
