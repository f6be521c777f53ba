package worker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"weir/compress"
	"weir/config"
	"weir/ledger"
	"weir/transport"
)

// News of one update, in whatever order they come and however often: an update that is in the log is committed or
// waits, whatever becomes of its copies.
func TestNewsInAnyOrder(t *testing.T) {
	admitted := transport.Outcome{Seq: 1, Verdict: ledger.Admitted}
	committed := transport.Outcome{Seq: 1, Verdict: ledger.Admitted, Version: 4}
	gone := transport.Outcome{Seq: 1, Verdict: ledger.Refused, Reason: ledger.UnknownClient}
	twice := transport.Outcome{Seq: 1, Verdict: ledger.Duplicate}
	rapid.Check(t, func(t *rapid.T) {
		news := rapid.SliceOf(rapid.SampledFrom([]transport.Outcome{admitted, committed, gone, twice})).Draw(t, "news")
		c := &client[float64]{facts: map[uint64]fact{}, outbox: []*update{{seq: 1}}}
		var over, known bool
		for _, o := range news {
			c.hearOutcome(o)
			over = over || o == committed
			known = known || o == committed || o == admitted
		}
		f := c.facts[1]
		if f.over != over || over && f.outcome != committed || f.admitted != known {
			t.Errorf("after %v: %+v", news, f)
		}
	})
}

// What becomes of two updates that are under way, under a rule that wants them in order and under one that does not.
func TestSettling(t *testing.T) {
	committed := func(seq uint64) transport.Outcome {
		return transport.Outcome{Seq: seq, Verdict: ledger.Admitted, Version: 9}
	}
	late := func(seq uint64) transport.Outcome {
		return transport.Outcome{Seq: seq, Verdict: ledger.Late, Reason: ledger.TooOld}
	}
	refused := func(seq uint64) transport.Outcome {
		return transport.Outcome{Seq: seq, Verdict: ledger.Refused, Reason: ledger.BadFrame}
	}
	type want struct {
		settled  uint64
		outbox   []uint64
		expired  []uint64 // and returned: what the folds hold
		returned []uint64
	}
	for _, c := range []struct {
		name    string
		rule    string
		note    transport.Note
		sync    bool
		encodes bool // a third round is being encoded meanwhile
		want    want
	}{
		{name: "nothing new", rule: "ec", note: transport.Note{Seq: 5, Awaited: true}, want: want{4, []uint64{5, 6}, nil, nil}},
		{name: "committed", rule: "ec", note: transport.Note{Outcomes: []transport.Outcome{committed(5)}}, want: want{5, []uint64{6}, nil, nil}},
		{name: "both", rule: "ec", note: transport.Note{Outcomes: []transport.Outcome{committed(5), committed(6)}}, want: want{6, nil, nil, nil}},
		{name: "the second alone waits", rule: "ec", note: transport.Note{Outcomes: []transport.Outcome{committed(6)}}, want: want{4, []uint64{5, 6}, nil, nil}},
		{name: "late", rule: "econtrol", note: transport.Note{Outcomes: []transport.Outcome{late(5)}}, want: want{5, []uint64{6}, []uint64{5, 6}, nil}},
		{name: "late under mean", rule: "mean", note: transport.Note{Outcomes: []transport.Outcome{late(5)}}, want: want{5, []uint64{6}, nil, nil}},
		{name: "refused, no order", rule: "ec", note: transport.Note{Outcomes: []transport.Outcome{refused(5)}}, want: want{5, []uint64{6}, nil, []uint64{5}}},
		{name: "refused, in order", rule: "econtrol", note: transport.Note{Outcomes: []transport.Outcome{refused(5)}}, want: want{5, nil, nil, []uint64{5, 6}}},
		{name: "not while encoding", rule: "econtrol", note: transport.Note{Outcomes: []transport.Outcome{refused(5)}}, encodes: true, want: want{4, []uint64{5, 6}, nil, nil}},
		{name: "void", rule: "ec", note: transport.Note{Seq: 6, Awaited: true}, sync: true, want: want{5, []uint64{6}, nil, []uint64{5}}},
		{name: "void needs a sync", rule: "ec", note: transport.Note{Seq: 6, Awaited: true}, want: want{4, []uint64{5, 6}, nil, nil}},
		{name: "both void", rule: "ec", note: transport.Note{Seq: 8, Awaited: true}, sync: true, want: want{7, nil, nil, []uint64{5, 6}}},
		{name: "in the window is not void", rule: "ec", note: transport.Note{Seq: 5, Outcomes: []transport.Outcome{{Seq: 5, Verdict: ledger.Admitted}}}, sync: true, want: want{4, []uint64{5, 6}, nil, nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := compress.DefaultConfig()
			cfg.Kind, cfg.Feedback = "topk", c.rule
			if c.rule == "mean" {
				cfg.Feedback, cfg.Memory = "econtrol", "mean"
			}
			codec, err := compress.NewCodec[float64](cfg, 3, 1)
			if err != nil {
				t.Fatal(err)
			}
			h := &host[float64]{Config: Config{Log: zap.NewNop(), Run: config.Default(), dies: func(step, uint32) bool { return false }}, codec: codec}
			k := &client[float64]{settled: 4, outbox: []*update{{seq: 5}, {seq: 6}}, memory: codec.NewMemory(0), facts: map[uint64]fact{}, encoding: c.encodes}
			for range 2 { // the same news again change nothing
				if err := h.learn(k, c.note, c.sync); err != nil {
					t.Fatal(err)
				}
				if err := h.settle(k); err != nil {
					t.Fatal(err)
				}
			}
			got := want{settled: k.settled}
			for _, u := range k.outbox {
				got.outbox = append(got.outbox, u.seq)
			}
			for _, f := range k.folds {
				to := &got.returned
				if f.expired != nil {
					got.expired = append(got.expired, f.expired.seq)
					to = &got.expired
				}
				for _, u := range f.updates {
					*to = append(*to, u.seq)
				}
			}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(want{})); d != "" {
				t.Error(d)
			}
		})
	}
}
