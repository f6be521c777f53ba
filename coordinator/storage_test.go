package coordinator

import (
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"
)

// A log whose newest entries were taken back by another leader is there after a restart, entry by entry.
func TestLogThatWasCutOpensAgain(t *testing.T) {
	dir := t.TempDir()
	open := func() storage {
		s, err := openStorage(dir, logSegment, nil, nil, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	store := func(s storage, first, last, term uint64) {
		for i := first; i <= last; i++ {
			if err := s.log.StoreLog(&raft.Log{Index: i, Term: term, Data: []byte(fmt.Sprint(i, term))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := open()
	store(s, 1, 10, 1)
	if err := s.log.DeleteRange(6, 10); err != nil {
		t.Fatal(err)
	}
	store(s, 6, 8, 2)
	for range 2 {
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		s = open()
		for i := uint64(1); i <= 8; i++ {
			term := uint64(1)
			if i > 5 {
				term = 2
			}
			var l raft.Log
			if err := s.log.GetLog(i, &l); err != nil || l.Term != term || string(l.Data) != fmt.Sprint(i, term) {
				t.Errorf("entry %d: %+v, %v", i, l, err)
			}
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}
