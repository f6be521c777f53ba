package quadratic

import (
	"errors"
	"fmt"
	"math"

	"weir/problem/jsonfile"
)

// file is the JSON form of a problem: d parameters, n clients.
type file struct {
	A       [][][]float64 `json:"A"`       // n matrices of d rows
	C       [][]float64   `json:"c"`       // n vectors
	Theta0  []float64     `json:"theta0"`  // the initial model
	Samples []int         `json:"samples"` // optional: how much each client counts; default 1 each
}

func read(path string) (*file, error) {
	text, err := jsonfile.Read(path)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

func parse(text []byte) (*file, error) {
	var q file
	if err := jsonfile.Decode(text, &q, `{"A": [[[1]]], "c": [[6]], "theta0": [0]}`); err != nil {
		return nil, err
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
