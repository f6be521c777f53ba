package ledger

import (
	"math"
	"testing"

	"weir/aggregate"
	"weir/compress"
	"weir/selection"
	"weir/staleness"
)

func machine(t *testing.T, updates compress.Config) (*Machine[float32], *compress.Encoder[float32], *compress.Memory[float32]) {
	t.Helper()
	config := Config{
		Concurrency: 1, Staleness: staleness.DefaultConfig(), Selection: selection.DefaultConfig(),
		Aggregate: aggregate.Config{Kind: "fedasync", Alpha: 1, Weights: "identical"},
	}
	m, err := NewMachine(config, updates, aggregate.DefaultOuterConfig(), make([]float32, 8))
	if err != nil {
		t.Fatal(err)
	}
	m.Apply(Command{Kind: Register, Samples: 1}, nil)
	m.Apply(Command{Kind: Start}, nil)
	return m, m.Model.Codec().NewEncoder(), m.Model.Codec().NewMemory(0)
}

// Bad input never reaches the model: it is refused with a reason, and a good update after it is taken.
func TestBadUpdatesAreRefused(t *testing.T) {
	ec := compress.DefaultConfig()
	ec.Kind, ec.K, ec.Feedback = "topk", 2, "ef21"
	for _, updates := range []compress.Config{compress.DefaultConfig(), ec} {
		m, encoder, memory := machine(t, updates)
		good, _, err := encoder.Encode(nil, compress.ID{Seq: 1}, memory, []float32{1, 2, 3, 4, 5, 6, 7, 8})
		if err != nil {
			t.Fatal(err)
		}
		before := m.Model.Digest()
		flipped := append([]byte(nil), good...)
		flipped[len(flipped)-1] ^= 1
		for name, c := range map[string]struct {
			command Command
			update  []byte
			want    Reason
		}{
			"a stranger with the largest number": {Command{Client: 1<<32 - 1, Seq: 1}, good, UnknownClient},
			"no update at all":                   {Command{Seq: 1}, nil, BadFrame},
			"cut short":                          {Command{Seq: 1}, good[:len(good)-3], BadFrame},
			"a flipped bit":                      {Command{Seq: 1}, flipped, BadFrame},
			"twice in one":                       {Command{Seq: 1}, append(good[:len(good):len(good)], good...), BadFrame},
			"for another round":                  {Command{Seq: 1, Base: 7}, good, BadFrame},
		} {
			c.command.Kind = Admit
			round := m.Ledger.clients[0].seq
			if c.command.Client == 0 {
				c.command.Seq = round
			}
			d := m.Apply(c.command, c.update)
			if d.Verdict != Refused || d.Reason != c.want {
				t.Errorf("%s: %v: %v, want refused: %v", name, d.Verdict, d.Reason, c.want)
			}
		}
		if m.Model.Digest() != before || len(m.Model.cursors) > 1 {
			t.Errorf("the model has changed, or holds %d cursors", len(m.Model.cursors))
		}
		round := m.Ledger.clients[0].seq
		update, _, err := encoder.Encode(nil, compress.ID{Seq: round}, m.Model.Codec().NewMemory(0), make([]float32, 8))
		if err != nil {
			t.Fatal(err)
		}
		if d := m.Apply(Command{Kind: Admit, Seq: round}, update); d.Verdict != Admitted || d.Commit == nil {
			t.Errorf("a good update after the bad ones: %v %v", d.Verdict, d.Reason)
		}
	}
}

// The rule gap counts an update by how far the model has moved since its base, which the model measures and the
// ledger only hears of.
func TestStalenessGapIsMeasuredByTheModel(t *testing.T) {
	config := Config{
		Concurrency: 2, Staleness: staleness.Config{Kind: "gap"}, Selection: selection.DefaultConfig(),
		Aggregate: aggregate.Config{Kind: "fedasync", Alpha: 1, Weights: "identical"},
	}
	m, err := NewMachine(config, compress.DefaultConfig(), aggregate.DefaultOuterConfig(), []float64{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	encoder := m.Model.Codec().NewEncoder()
	for i := range uint32(2) {
		m.Apply(Command{Kind: Register, Client: i, Samples: 1}, nil)
	}
	m.Apply(Command{Kind: Start}, nil)
	send := func(client uint32, seq, base uint64, delta ...float64) *Decision {
		update, _, err := encoder.Encode(nil, compress.ID{Client: client, Seq: seq, Base: base}, nil, delta)
		if err != nil {
			t.Fatal(err)
		}
		return m.Apply(Command{Kind: Admit, Client: client, Seq: seq, Base: base}, update)
	}
	send(0, 1, 0, 3, 4)
	send(0, 2, 1, 0, 1)
	send(0, 3, 2, 0, 0) // a version in which nothing moved makes nobody older
	r := math.Sqrt((25. + 1 + 0) / 3)
	if d := send(1, 1, 0, 1, 0); math.Abs(d.Weight-1/(1+6/r/6)) > 1e-12 || d.Staleness != 3 {
		t.Errorf("weight %v at staleness %d, want 1/Lambda with steps 5, 1, 0 of rms %v", d.Weight, d.Staleness, r)
	}
	if d := send(0, 4, 3, 1, 0); !(d.Weight < 1) {
		t.Errorf("weight %v of an update that one step has passed by", d.Weight)
	}
	if d := send(1, 2, 5, 1, 0); d.Verdict != Admitted || d.Weight != 1 {
		t.Errorf("weight %v of a fresh update", d.Weight)
	}
}

// A client's cycle time is what was told of it, and where nothing was what its last round took.
func TestCycleTimesShowThemselves(t *testing.T) {
	l, err := New(Config{
		Concurrency: 2, Staleness: staleness.DefaultConfig(), Selection: selection.DefaultConfig(),
		Aggregate: aggregate.Config{Kind: "fedasync", Alpha: 1, Weights: "identical"},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Apply(Command{Kind: Register, Client: 0, Samples: 1, Cycle: 70})
	l.Apply(Command{Kind: Register, Client: 1, Samples: 1})
	l.Apply(Command{Kind: Start, Time: 100})
	if got := l.Standing(1).Cycle; got != 0 {
		t.Errorf("%d before the first round, want 0", got)
	}
	for i, want := range []int64{70, 40} {
		l.Apply(Command{Kind: Admit, Client: uint32(i), Seq: 1, Time: 140})
		if got := l.Standing(uint32(i)).Cycle; got != want {
			t.Errorf("client %d: %d, want %d", i, got, want)
		}
	}
}

// A version with a value that is not finite stops the run at once, whether versions travel whole, compressed or as the
// sum of sparse updates: nobody can start from it.
func TestVersionThatIsNotFiniteStopsTheRun(t *testing.T) {
	sparse := compress.DefaultConfig()
	sparse.Kind, sparse.K = "topk", 1
	down := compress.DefaultConfig()
	down.Down = compress.Down{Kind: "topk", K: 1, Values: "fp32"}
	outer := aggregate.DefaultOuterConfig()
	outer.LR = 1e30
	for name, compression := range map[string]compress.Config{"whole": compress.DefaultConfig(), "sparse": sparse, "compressed": down} {
		m, err := NewMachine(Config{
			Concurrency: 1, Staleness: staleness.DefaultConfig(), Selection: selection.DefaultConfig(),
			Aggregate: aggregate.Config{Kind: "fedasync", Alpha: 1, Weights: "identical"},
		}, compression, outer, []float32{0, 0})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m.Apply(Command{Kind: Register, Samples: 1}, nil)
		m.Apply(Command{Kind: Start}, nil)
		encoder := m.Model.Codec().NewEncoder()
		send := func(seq uint64, v float32) *Decision {
			update, _, err := encoder.Encode(nil, compress.ID{Seq: seq, Base: seq - 1}, m.Model.Codec().NewMemory(0), []float32{v, 0})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return m.Apply(Command{Kind: Admit, Seq: seq, Base: seq - 1}, update)
		}
		if d := send(1, 1); d.Commit == nil || d.Stopped != "" {
			t.Errorf("%s: a good update: %v, stopped %q", name, d.Verdict, d.Stopped)
		}
		if d := send(2, 1e10); d.Commit == nil || d.Stopped != "diverged" || m.Ledger.Stopped() != "diverged" {
			t.Errorf("%s: one that overflows: %v %v, stopped %q", name, d.Verdict, d.Reason, d.Stopped)
		}
	}
}

// A model with CO2's outer step goes on from a snapshot with the same bits, whatever its settings.
func TestModelWithCO2GoesOnFromASnapshot(t *testing.T) {
	for _, penalty := range aggregate.Penalties() {
		for _, clip := range aggregate.Clips() {
			outer := aggregate.OuterConfig{Kind: "co2", LR: .7, Momentum: .5, Penalty: penalty, Clip: clip}
			start := func() *Model[float32] {
				m, err := NewModel(compress.DefaultConfig(), 1, outer, make([]float32, 8))
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			feed := func(m *Model[float32], step int) {
				for i := range m.sum {
					m.sum[i] += float32(math.Sin(float64(step*(i+1)))) * float32(step)
				}
				m.Commit(.5, 1)
			}
			whole, part := start(), start()
			for step := range 10 {
				feed(whole, step)
				feed(part, step)
				resumed := start()
				if err := resumed.Restore(part.AppendSnapshot(nil)); err != nil {
					t.Fatal(err)
				}
				part = resumed
			}
			if whole.Digest() != part.Digest() {
				t.Errorf("%s, %s: digests differ", penalty, clip)
			}
		}
	}
}
