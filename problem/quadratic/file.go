package quadratic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// maxFile bounds the file that describes a problem, and so the memory that reading it takes.
const maxFile = 1 << 28

// file is the JSON form of a problem: d parameters, n clients.
type file struct {
	A       [][][]float64 `json:"A"`       // n matrices of d rows
	C       [][]float64   `json:"c"`       // n vectors
	Theta0  []float64     `json:"theta0"`  // the initial model
	Samples []int         `json:"samples"` // optional: how much each client counts; default 1 each
}

func read(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("is longer than %d MiB", maxFile>>20)
	}
	return parse(text)
}

func parse(text []byte) (*file, error) {
	var q file
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(text[:syntax.Offset], []byte("\n")), err)
		}
		return nil, fmt.Errorf(`must be JSON such as {"A": [[[1]]], "c": [[6]], "theta0": [0]}: %w`, err)
	}
	if decoder.More() {
		return nil, errors.New("has more after the JSON document")
	}
	return &q, q.check()
}

// check returns what is wrong with the shapes or the values.
func (q *file) check() error {
	n, d := len(q.A), len(q.Theta0)
	switch {
	case n == 0:
		return errors.New("A: must have a matrix for each client")
	case d == 0:
		return errors.New("theta0: must have a number for each parameter")
	case len(q.C) != n:
		return fmt.Errorf("c: has %d vectors for the %d clients of A", len(q.C), n)
	case q.Samples != nil && len(q.Samples) != n:
		return fmt.Errorf("samples: has %d numbers for the %d clients of A", len(q.Samples), n)
	}
	for i := range n {
		if len(q.A[i]) != d {
			return fmt.Errorf("A[%d]: has %d rows for the %d parameters of theta0", i, len(q.A[i]), d)
		}
		for j, row := range q.A[i] {
			if len(row) != d {
				return fmt.Errorf("A[%d][%d]: has %d columns for the %d parameters of theta0", i, j, len(row), d)
			}
		}
		if len(q.C[i]) != d {
			return fmt.Errorf("c[%d]: has %d numbers for the %d parameters of theta0", i, len(q.C[i]), d)
		}
	}
	for i, s := range q.Samples {
		if s < 1 || s > math.MaxInt32 {
			return fmt.Errorf("samples[%d]: %d: must be at least 1 and at most %d", i, s, math.MaxInt32)
		}
	}
	return nil
}
