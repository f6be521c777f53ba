package coordinator

import (
	"context"
	"testing"

	"weir/ledger"
	"weir/problem/none"
)

// What a client sends two rounds early does not take the place of what it sent one round early: the ledger may have come
// to that round already, and the leader not.
func TestEarlyUpdatesAreKeptByRound(t *testing.T) {
	cfg := load(t, "problem: {kind: none, dim: 3}\nclients: {count: 1}\nlocal: {pipeline: 1}")
	n := &node[float32]{problem: none.New(1, 3)}
	n.cfg.Run = cfg
	var err error
	if n.state, err = newState(cfg, n.problem, nil); err != nil {
		t.Fatal(err)
	}
	n.state.machine.Apply(ledger.Command{Kind: ledger.Register, Samples: 1}, nil)
	n.state.machine.Apply(ledger.Command{Kind: ledger.Start}, nil)
	l := n.newLead(1, nil)
	for seq := uint64(2); seq <= 3; seq++ {
		if err := l.arrived(context.Background(), &update{seq: seq}); err != nil {
			t.Fatal(err)
		}
	}
	for seq := uint64(2); seq <= 3; seq++ {
		if u := l.ahead[clientRound{0, seq}]; u == nil || u.seq != seq {
			t.Errorf("update %d is not kept: %+v", seq, u)
		}
	}
}
