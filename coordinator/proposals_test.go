package coordinator

import (
	"errors"
	"slices"
	"testing"
)

// text is an entry for tests.
type text string

func (s text) append(dst []byte) []byte { return append(dst, s...) }

func TestBatchGivesBackItsEntries(t *testing.T) {
	var p proposals
	want := []string{"one", "", "three"}
	for _, s := range want {
		p.put(text(s))
	}
	var got []string
	err := unbatch(p.batch, func(entry []byte) error {
		got = append(got, string(entry))
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range [][]byte{p.batch[:len(p.batch)-1], p.batch[:3], {0xff, 0xff, 0xff, 0xff, 0}} {
		if err := unbatch(bad, func([]byte) error { return nil }); !errors.Is(err, errEntry) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if err := unbatch(p.batch, func([]byte) error { return errOtherRun }); !errors.Is(err, errOtherRun) {
		t.Errorf("a failure is lost: %v", err)
	}
}
