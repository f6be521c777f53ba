package main

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"weir/problem/learn/dataset"
)

func TestDataSetsLieWhereRunsLookForThem(t *testing.T) {
	for _, d := range dataSets {
		_, err := dataset.Open(d.name, dataset.Options{Folder: "nowhere", Context: 8})
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want that its files are not there", d.name, err)
			continue
		}
		if want := "nowhere/" + d.name + "/" + d.files[0].name; !strings.Contains(err.Error(), want) {
			t.Errorf("%s: a run looks for %v, weir data puts %s there", d.name, err, want)
		}
	}
}
