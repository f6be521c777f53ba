// Package dataset holds labelled samples in memory, read from files or drawn from a seed.
//
// A sample is a row of float32 numbers and the class that a network should find in them. The numbers of an image are
// its grey values, standardised, row by row; those of a text are the numbers of the symbols before the one to be found.
package dataset

import (
	"fmt"
)

// Samples is a list of labelled samples. It is safe for use by several goroutines.
type Samples interface {
	Len() int
	// Label is the class of sample i.
	Label(i int) int
	// Read copies the numbers of sample i into x, whose length is the set's Features.
	Read(x []float32, i int)
}

// Set is a data set.
type Set struct {
	Name     string
	Unit     string // what a sample is, in the plural: images, rows
	Features int    // numbers of a sample
	Classes  int    // at least 2
	Height   int    // of an image; 0 when samples are no images
	Width    int
	Symbols  int // of a text: every number of a sample is a whole number below Symbols; else 0
	Train    Samples
	Test     Samples // nil when the set has no test part
	Owners   []Owner // natural owners of the training samples; nil when they have none
}

// Owner is somebody whose samples belong together: a speaker of a play. They are training samples Low to High-1.
type Owner struct {
	Name      string
	Low, High int
}

// rows are samples of the same number of features each, stored one after another.
type rows struct {
	values   []float32
	features int
	labels   []uint16
}

func (r *rows) Len() int        { return len(r.labels) }
func (r *rows) Label(i int) int { return int(r.labels[i]) }
func (r *rows) Read(x []float32, i int) {
	copy(x, r.values[i*r.features:(i+1)*r.features])
}

// check returns what makes a set unfit for training.
func (s *Set) check() error {
	switch {
	case s.Train.Len() == 0:
		return fmt.Errorf("has no training samples")
	case s.Features == 0:
		return fmt.Errorf("has samples without features")
	case s.Classes < 2:
		return fmt.Errorf("has samples of one class only: there is nothing to learn")
	case s.Test != nil && s.Test.Len() == 0:
		s.Test = nil
	}
	return nil
}
