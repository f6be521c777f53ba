package ledger

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"weir/aggregate"
	"weir/selection"
	"weir/staleness"
)

// A machine that plays a random but sensible history: what is assigned arrives some time, is lost, or comes twice.
type history struct {
	random  *rand.Rand
	now     int64
	pending []Assignment
}

func (h *history) next(l *Ledger) Command {
	h.now += int64(h.random.IntN(1000))
	c := Command{Time: h.now, Client: uint32(h.random.IntN(12)), Samples: 1 + uint64(h.random.IntN(50))}
	switch pick := h.random.IntN(20); {
	case pick == 0:
		c.Kind = Leave
	case pick <= 2:
		c.Kind = Register
	case pick <= 5 || len(h.pending) == 0:
		c.Kind = Tick
	default:
		c.Kind = Admit
		at := h.random.IntN(len(h.pending))
		a := h.pending[at]
		if pick != 6 { // else it is sent again later
			h.pending = append(h.pending[:at], h.pending[at+1:]...)
		}
		c.Client, c.Seq, c.Base = a.Client, a.Seq, a.Base
		c.Loss, c.Norm = h.random.Float64(), h.random.Float64()
		c.RMS, c.Cosine = c.Loss, 2*h.random.Float64()-1
		if pick == 7 {
			c.RMS, c.Cosine = math.Inf(1), math.NaN()
		}
	}
	return c
}

// told applies a command as a Machine does, with a model of which every step is longer than the one before.
func told(l *Ledger, c Command) *Decision {
	d := l.Apply(c)
	if d.Commit != nil && l.Measures() {
		l.Moved(float64(l.Version()))
	}
	return d
}

func anyConfig(t *rapid.T) Config {
	return Config{
		Seed:        rapid.Uint64().Draw(t, "seed"),
		Concurrency: rapid.IntRange(1, 8).Draw(t, "concurrency"),
		Aggregate: aggregate.Config{
			Kind:    rapid.SampledFrom(aggregate.Kinds()).Draw(t, "kind"),
			Weights: rapid.SampledFrom(aggregate.Weightings()).Draw(t, "weights"),
			Window:  rapid.SampledFrom([]int64{5000, 0}).Draw(t, "window"), Deadline: 4000, Size: 3, Alpha: .6, WeightCap: 10,
		},
		Staleness: staleness.Config{Kind: rapid.SampledFrom(staleness.Kinds()).Draw(t, "staleness"), Max: 6},
		Selection: anySelection(t),
	}
}

func anySelection(t *rapid.T) selection.Config {
	c := selection.DefaultConfig()
	c.Kind = rapid.SampledFrom(selection.Kinds()).Draw(t, "selection")
	c.Blacklist = 3
	return c
}

// A replica that starts from a snapshot decides like the one that took it, whatever happens next.
func TestReplicaFromSnapshotDecidesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := anyConfig(t)
		one, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		pace := rapid.SampledFrom([]int64{700, 0}).Draw(t, "pace") // nanoseconds; 0 is not known
		for i := range uint32(10) {
			one.Apply(Command{Kind: Register, Client: i, Samples: uint64(i + 1), Cycle: int64(i+1) * pace})
		}
		h := &history{random: rand.New(rand.NewPCG(config.Seed, 1))}
		h.pending = append(h.pending, told(one, Command{Kind: Start}).Assign...)
		for range rapid.IntRange(0, 300).Draw(t, "before") {
			h.pending = append(h.pending, told(one, h.next(one)).Assign...)
		}
		two, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := two.Restore(one.AppendSnapshot(nil)); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			c := h.next(one)
			a, b := told(one, c), told(two, c)
			if diff := cmp.Diff(a, b, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("%+v: -one +two:\n%s", c, diff)
			}
			h.pending = append(h.pending, a.Assign...)
		}
		if one.Digest() != two.Digest() {
			t.Fatal("the digests differ")
		}
	})
}

// Laws that hold whatever arrives in whatever order.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := anyConfig(t)
		l, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		pace := rapid.SampledFrom([]int64{700, 0}).Draw(t, "pace")
		for i := range uint32(10) {
			l.Apply(Command{Kind: Register, Client: i, Samples: uint64(i + 1), Cycle: int64(i+1) * pace})
		}
		h := &history{random: rand.New(rand.NewPCG(config.Seed, 2))}
		h.pending = append(h.pending, told(l, Command{Kind: Start}).Assign...)
		type round struct {
			client uint32
			seq    uint64
		}
		committed := map[round]bool{}
		var admits uint64
		for range 500 {
			c := h.next(l)
			version := l.Version()
			d := told(l, c)
			if c.Kind == Admit {
				admits++
			}
			h.pending = append(h.pending, d.Assign...)
			for _, a := range d.Assign {
				if a.Base != l.Version() {
					t.Fatalf("assigned version %d, the newest is %d", a.Base, l.Version())
				}
			}
			if d.Commit == nil {
				if l.Version() != version {
					t.Fatal("a version without a commit")
				}
				continue
			}
			if l.Version() != version+1 || d.Commit.Version != l.Version() || len(d.Commit.Updates) == 0 {
				t.Fatalf("commit %+v after version %d", d.Commit, version)
			}
			for _, e := range d.Commit.Updates {
				if committed[round{e.Client, e.Seq}] {
					t.Fatalf("update %d of client %d counted twice", e.Seq, e.Client)
				}
				committed[round{e.Client, e.Seq}] = true
				if !(e.Weight > 0) || math.IsInf(e.Weight, 0) {
					t.Fatalf("weight %v", e.Weight)
				}
			}
		}
		if l.working > config.Concurrency || l.working < 0 {
			t.Fatalf("%d clients at work in %d slots", l.working, config.Concurrency)
		}
		n := l.Counts()
		if n.Admitted+n.Late+n.Duplicate+n.Refused != admits || n.Committed != uint64(len(committed)) {
			t.Fatalf("%+v does not account for %d arrivals, %d committed", n, admits, len(committed))
		}
		if achieved, target := l.Shares(); n.Committed > 0 {
			if tv := aggregate.TotalVariation(achieved, target); !(tv >= 0 && tv <= 1) {
				t.Fatalf("bias %v", tv)
			}
		}
	})
}

func TestDamagedSnapshotsAreRefused(t *testing.T) {
	config := Config{Concurrency: 1, Aggregate: aggregate.Config{Kind: "fedavg", Weights: "share"}, Staleness: staleness.DefaultConfig(), Selection: selection.DefaultConfig()}
	l, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	l.Apply(Command{Kind: Register, Samples: 1})
	good := l.AppendSnapshot(nil)
	for cut := range len(good) {
		if err := must(New(config)).Restore(good[:cut]); err == nil {
			t.Fatalf("a snapshot cut to %d of %d bytes was taken", cut, len(good))
		}
	}
}

func TestCommandRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Command{
			Kind: Kind(rapid.IntRange(1, int(Stop)).Draw(t, "kind")), Time: rapid.Int64().Draw(t, "time"),
			Client: rapid.Uint32().Draw(t, "client"), Samples: rapid.Uint64().Draw(t, "samples"), Cycle: rapid.Int64().Draw(t, "cycle"),
			Seq: rapid.Uint64().Draw(t, "seq"), Base: rapid.Uint64().Draw(t, "base"), Loss: rapid.Float64().Draw(t, "loss"),
			RMS: rapid.Float64().Draw(t, "rms"), Cosine: rapid.Float64().Draw(t, "cosine"),
			Norm: rapid.Float64().Draw(t, "norm"), Fault: Reason(rapid.IntRange(0, int(lastReason)).Draw(t, "fault")),
			Value: rapid.Float64().Draw(t, "value"), Why: rapid.StringN(0, 60, 255).Draw(t, "why"),
		}
		b := c.Append(nil)
		got, rest, err := DecodeCommand(append(b, 1, 2, 3))
		if err != nil || len(rest) != 3 || got != c {
			t.Fatalf("%+v came back as %+v, rest %d, %v", c, got, len(rest), err)
		}
		for cut := range len(b) {
			if _, _, err := DecodeCommand(b[:cut]); err == nil {
				t.Fatalf("a command cut to %d of %d bytes was taken", cut, len(b))
			}
		}
	})
}
