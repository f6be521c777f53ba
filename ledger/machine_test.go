package ledger

import (
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
