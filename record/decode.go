package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"weir/problem"
)

// rows reads a CSV file that table wrote, row by row: next, then the cells of the known columns from left to right.
// The first cell that does not parse is kept in err, with the file, the line and the column.
type rows struct {
	name  string // of the file
	in    *bufio.Reader
	line  int
	known []string
	at    []int    // where each known column stands
	extra []string // columns that are not known: the metrics of versions.csv
	exAt  []int
	cells [][]byte
	taken int // known cells taken from this row
	err   error
}

func newRows(name string, in io.Reader, known []string) (*rows, error) {
	r := &rows{name: name, in: bufio.NewReaderSize(in, maxLine), known: known}
	if !r.next() {
		if r.err == nil {
			r.err = fmt.Errorf("%s line 1: no header", name)
		}
		return nil, r.err
	}
	header := make([]string, len(r.cells))
	for i, cell := range r.cells {
		header[i] = string(cell)
		if header[i] == "" || slices.Contains(header[:i], header[i]) {
			return nil, fmt.Errorf("%s line 1: column %d is called %q, which is empty or there twice", name, i+1, header[i])
		}
		if !slices.Contains(known, header[i]) {
			r.extra, r.exAt = append(r.extra, header[i]), append(r.exAt, i)
		}
	}
	at := make([]int, len(known))
	for i, column := range known {
		if at[i] = slices.Index(header, column); at[i] < 0 {
			return nil, fmt.Errorf("%s line 1: no column called %s", name, column)
		}
	}
	r.at = at
	return r, nil
}

// next moves to the next row. It is false at the end and at the first damage; a last line without its newline is what
// a killed process leaves, and the end.
func (r *rows) next() bool {
	if r.err != nil {
		return false
	}
	r.line++
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		return false
	} else if errors.Is(err, bufio.ErrBufferFull) {
		r.err = fmt.Errorf("%s line %d: longer than %d bytes", r.name, r.line, maxLine)
		return false
	} else if err != nil {
		r.err = fmt.Errorf("%s line %d: %w", r.name, r.line, err)
		return false
	}
	columns := len(r.cells)
	r.taken = 0
	if r.cells, err = splitCells(r.cells[:0], bytes.TrimRight(line, "\r\n")); err != nil {
		r.err = fmt.Errorf("%s line %d: %w", r.name, r.line, err)
	} else if r.at != nil && len(r.cells) != columns {
		r.err = fmt.Errorf("%s line %d: has %d cells, the header has %d", r.name, r.line, len(r.cells), columns)
	}
	return r.err == nil
}

// splitCells cuts a line at its commas, except those between quotes.
func splitCells(cells [][]byte, line []byte) ([][]byte, error) {
	for {
		if len(line) > 0 && line[0] == '"' {
			end := 1
			for end < len(line) && (line[end] != '"' || end+1 < len(line) && line[end+1] == '"') {
				if line[end] == '"' {
					end++
				}
				end++
			}
			if end >= len(line) || end+1 < len(line) && line[end+1] != ',' {
				return nil, errors.New("a quote does not end where a cell does")
			}
			cells = append(cells, bytes.ReplaceAll(line[1:end], []byte(`""`), []byte(`"`)))
			if line = line[end+1:]; len(line) == 0 {
				return cells, nil
			}
			line = line[1:]
			continue
		}
		end := bytes.IndexByte(line, ',')
		if end < 0 {
			return append(cells, line), nil
		}
		cells, line = append(cells, line[:end]), line[end+1:]
	}
}

func (r *rows) take() []byte {
	r.taken++
	return r.cells[r.at[r.taken-1]]
}

func (r *rows) complain(column, want string, cell []byte) {
	if r.err == nil {
		r.err = fmt.Errorf("%s line %d: column %s: %q is not %s", r.name, r.line, column, cell, want)
	}
}

func (r *rows) uint() uint64 {
	cell := r.take()
	v, err := strconv.ParseUint(string(cell), 10, 64)
	if err != nil {
		r.complain(r.known[r.taken-1], "a whole number", cell)
	}
	return v
}

func (r *rows) int() int {
	cell := r.take()
	v, err := strconv.Atoi(string(cell))
	if err != nil {
		r.complain(r.known[r.taken-1], "a whole number", cell)
	}
	return v
}

func (r *rows) float() float64 {
	cell := r.take()
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil {
		r.complain(r.known[r.taken-1], "a number", cell)
	}
	return v
}

// floatOrNaN reads a cell that may be empty.
func (r *rows) floatOrNaN() float64 {
	if len(r.cells[r.at[r.taken]]) == 0 {
		r.taken++
		return math.NaN()
	}
	return r.float()
}

func (r *rows) text() string { return string(r.take()) }

func (r *rows) verdict() string {
	cell := r.take()
	for _, v := range []string{"admitted", "late", "duplicate", "refused"} { // no memory for the usual ones
		if string(cell) == v {
			return v
		}
	}
	return string(cell)
}

func (r *rows) metrics() problem.Metrics {
	var m problem.Metrics
	for i, name := range r.extra {
		cell := r.cells[r.exAt[i]]
		if len(cell) == 0 {
			continue
		}
		v, err := strconv.ParseFloat(string(cell), 64)
		if err != nil {
			r.complain(name, "a number", cell)
		}
		m = append(m, problem.Metric{Name: name, Value: v})
	}
	return m
}

// eachVersion reads versions.csv of the run in dir.
func eachVersion(dir string, each func(VersionRow)) error {
	return eachRow(dir, versionsFile, versionColumns, func(r *rows) {
		v := VersionRow{
			Version: r.uint(), Time: r.float(), Wall: r.float(), Updates: r.int(), Weight: r.float(), StalenessMean: r.float(),
			StalenessMax: r.int(), TrainLoss: r.floatOrNaN(), BytesUp: r.uint(), BytesDown: r.uint(),
			Contraction: r.floatOrNaN(), ErrorNorm: r.floatOrNaN(), Samples: r.uint(), Metrics: r.metrics(),
		}
		if r.err == nil {
			each(v)
		}
	})
}

// eachUpdate reads updates.csv of the run in dir.
func eachUpdate(dir string, each func(UpdateRow)) error {
	return eachRow(dir, updatesFile, updateColumns, func(r *rows) {
		u := UpdateRow{
			Client: r.int(), Seq: r.uint(), Base: r.uint(), Assigned: r.float(), Started: r.float(), Finished: r.float(),
			Arrived: r.float(), Verdict: r.verdict(), Reason: r.text(), Version: r.uint(), Staleness: r.int(), Weight: r.float(),
			Loss: r.float(), Norm: r.float(), Samples: r.int(), Steps: r.int(), BytesUp: r.int(), BytesDown: r.int(),
			Contraction: r.float(), ErrorNorm: r.float(), Eta: r.float(),
			Score: r.floatOrNaN(), Probability: r.floatOrNaN(),
			Components: [5]float64{r.floatOrNaN(), r.floatOrNaN(), r.floatOrNaN(), r.floatOrNaN(), r.floatOrNaN()}, Density: r.float(),
		}
		if r.err == nil {
			each(u)
		}
	})
}

func eachRow(dir, name string, columns []string, each func(*rows)) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := newRows(filepath.Join(dir, name), f, columns)
	if err != nil {
		return err
	}
	for r.next() {
		each(r)
	}
	return r.err
}
