package dataset

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

func TestReadLibsvm(t *testing.T) {
	dir := folder(t, map[string][]byte{
		"set.gz": []byte("-1 1:0.5 3:-2\n\n+1 2:1e-3\r\n-1 \n"),
		"set.t":  []byte("1 4:7"),
	})
	for _, name := range []string{"set", "set.gz"} {
		set, err := Open("libsvm:"+filepath.Join(dir, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if set.Features != 4 || set.Classes != 2 || set.Train.Len() != 3 || set.Test.Len() != 1 {
			t.Errorf("read %+v", set)
		}
		x := make([]float32, 4)
		for i, want := range [][]float32{{.5, 0, -2, 0}, {0, .001, 0, 0}, {0, 0, 0, 0}} {
			set.Train.Read(x, i)
			if !slices.Equal(x, want) || set.Train.Label(i) != i%2 {
				t.Errorf("sample %d is %v of class %d, want %v of class %d", i, x, set.Train.Label(i), want, i%2)
			}
		}
	}
}

func TestClassesAreTheLabelsInOrder(t *testing.T) {
	dir := folder(t, map[string][]byte{"set": []byte("7 1:1\n3 1:1\n9 1:1\n3 1:1\n")})
	set, err := Open("libsvm:"+filepath.Join(dir, "set"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 0, 2, 0} {
		if set.Train.Label(i) != want {
			t.Errorf("sample %d is of class %d, want %d", i, set.Train.Label(i), want)
		}
	}
	if set.Test != nil {
		t.Error("a set without a test part has one")
	}
}

func TestDamagedLibsvm(t *testing.T) {
	for text, want := range map[string]string{
		"1 1:1\nx 1:1":          `DIR: line 2: label "x": must be a number`,
		"nan 1:1":               `DIR: line 1: label "nan": must be a number`,
		"1 1:1\n\n2 0:1":        `DIR: line 3: entry "0:1": must be INDEX:VALUE with an index from 1`,
		"1 1":                   `DIR: line 1: entry "1": must be INDEX:VALUE with an index from 1`,
		"1 9999999999:1":        `DIR: line 1: entry "9999999999:1": must be INDEX:VALUE with an index from 1`,
		"1 2:1 2:1":             `DIR: line 1: entry "2:1": indices must increase`,
		"1 1:":                  `DIR: line 1: entry "1:": must have a finite number as its value`,
		"1 1:inf":               `DIR: line 1: entry "1:inf": must have a finite number as its value`,
		"1 1:1\n2 2000000000:1": `DIR: 2 samples of 2000000000 features are too many to be stored densely`,
		"":                      `has no training samples`,
		"1\n2\n":                `has samples without features`,
		"1 1:1\n1 1:2":          `has samples of one class only: there is nothing to learn`,
	} {
		expect(t, "libsvm:", filepath.Join(folder(t, map[string][]byte{"set": []byte(text)}), "set"), want)
	}
	dir := folder(t, map[string][]byte{"set": []byte("1 1:1\n2 1:1"), "set.t": []byte("3 1:1")})
	expect(t, "libsvm:", filepath.Join(dir, "set"), "DIR.t: sample 1 has the label 3, which no training sample has")
	expect(t, "libsvm:", filepath.Join(dir, "other"), "neither DIR nor DIR.gz is there")
}

func FuzzLibsvm(f *testing.F) {
	f.Add([]byte("-1 1:0.5 3:-2\n\n+1 2:1e-3\r\n-1 \n"))
	f.Add([]byte("1 1073741824:1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s sparse
		if s.decode(bytes.NewReader(text), 0) != nil || s.features > 1000 {
			return
		}
		classes := slices.Compact(slices.Sorted(slices.Values(s.labels)))
		r, err := s.dense(s.features, classes)
		if err != nil {
			t.Fatal(err)
		}
		// Nothing is lost: what is not zero adds up.
		var sparseSum, denseSum float64
		for _, v := range s.value {
			sparseSum += float64(v)
		}
		for _, v := range r.values {
			denseSum += float64(v)
		}
		if r.Len() != len(s.labels) || sparseSum != denseSum {
			t.Errorf("%d samples with the sum %v became %d with %v", len(s.labels), sparseSum, r.Len(), denseSum)
		}
	})
}
