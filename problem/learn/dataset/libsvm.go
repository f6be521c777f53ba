package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	maxLine    = 1 << 24 // bytes
	maxValues  = 1 << 30 // numbers of a set that is stored densely: 4 GiB
	maxClasses = 1 << 12 // different labels that are still taken for classes and not for measured values
)

// sparse is a libsvm file as it is written: a line a sample, "LABEL INDEX:VALUE ...", with indices from 1 that increase.
type sparse struct {
	labels   []float64
	ends     []int // of each sample's entries
	index    []int32
	value    []float32
	features int // the largest index
}

// readLibsvm reads the file at path, and path.t as the test part if it is there.
func readLibsvm(path string) (*Set, error) {
	var train, test sparse
	if err := readFile(path, train.decode); err != nil {
		return nil, err
	}
	err := readFile(path+".t", test.decode)
	hasTest := !errors.Is(err, fs.ErrNotExist)
	if hasTest && err != nil {
		return nil, err
	}
	classes := slices.Compact(slices.Sorted(slices.Values(train.labels)))
	if len(classes) > maxClasses {
		return nil, fmt.Errorf("%s: has %d different labels: must be classes, at most %d", path, len(classes), maxClasses)
	}
	features := max(train.features, test.features)
	set := &Set{Unit: "rows", Features: features, Classes: len(classes)}
	if set.Train, err = train.dense(features, classes); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if hasTest {
		if set.Test, err = test.dense(features, classes); err != nil {
			return nil, fmt.Errorf("%s.t: %w", path, err)
		}
	}
	return set, nil
}

// decode reads a file line by line.
func (s *sparse) decode(r io.Reader, _ int64) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	number := 0
	for lines.Scan() {
		number++
		if err := s.line(lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	return nil
}

func (s *sparse) line(text string) error {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil
	}
	label, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || math.IsNaN(label) || math.IsInf(label, 0) {
		return fmt.Errorf("label %.20q: must be a number", fields[0])
	}
	last := int32(0)
	for _, entry := range fields[1:] {
		before, after, found := strings.Cut(entry, ":")
		index, err := strconv.ParseInt(before, 10, 32)
		if !found || err != nil || index < 1 {
			return fmt.Errorf("entry %.20q: must be INDEX:VALUE with an index from 1", entry)
		}
		if int32(index) <= last {
			return fmt.Errorf("entry %.20q: indices must increase", entry)
		}
		value, err := strconv.ParseFloat(after, 32)
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Errorf("entry %.20q: must have a finite number as its value", entry)
		}
		last = int32(index)
		s.index = append(s.index, last)
		s.value = append(s.value, float32(value))
	}
	s.features = max(s.features, int(last))
	s.labels = append(s.labels, label)
	s.ends = append(s.ends, len(s.index))
	return nil
}

// dense spreads the entries out. Classes are the labels in increasing order: of -1 and +1, +1 is class 1.
func (s *sparse) dense(features int, classes []float64) (*rows, error) {
	if len(s.labels) > maxValues/max(1, features) {
		return nil, fmt.Errorf("%d samples of %d features are too many to be stored densely", len(s.labels), features)
	}
	r := &rows{make([]float32, len(s.labels)*features), features, make([]uint16, len(s.labels))}
	at := 0
	for i, label := range s.labels {
		class, found := slices.BinarySearch(classes, label)
		if !found {
			return nil, fmt.Errorf("sample %d has the label %g, which no training sample has", i+1, label)
		}
		r.labels[i] = uint16(class)
		row := r.values[i*features:]
		for ; at < s.ends[i]; at++ {
			row[s.index[at]-1] = s.value[at]
		}
	}
	return r, nil
}
