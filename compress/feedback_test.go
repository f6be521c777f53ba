package compress

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/vec"
)

// drawConfig draws a compressor, with the given feedback rule.
func drawConfig(t *rapid.T, feedback string) func(*Config) {
	var names []string
	sets := map[string]func(*Config){}
	everyConfig(func(name string, set func(*Config)) {
		names = append(names, name)
		sets[name] = set
	})
	set := sets[rapid.SampledFrom(names).Draw(t, "compressor")]
	return func(c *Config) {
		set(c)
		c.Density, c.Feedback, c.Eta, c.Momentum = 0.2, feedback, 0.3, 0.4
	}
}

func nearAll(t *rapid.T, what string, got, want []float64) {
	t.Helper()
	if len(got) == 0 {
		got = make([]float64, len(want))
	}
	scale := 1 + math.Sqrt(vec.Norm2(want))
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-9*scale {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The server's mirror is the client's h bit by bit, in both precisions, for every compressor and rule.
func TestMirrorIsTheEstimate(t *testing.T) {
	for _, feedback := range []string{"ef21", "ef21m", "econtrol"} {
		everyConfig(func(name string, set func(*Config)) {
			set2 := func(c *Config) { set(c); c.Feedback = feedback }
			testMirror[float32](t, feedback+" "+name, set2)
			testMirror[float64](t, feedback+" "+name, set2)
		})
	}
}

func testMirror[T vec.Float](t *testing.T, name string, set func(*Config)) {
	c := codec[T](t, 9_000, set)
	enc, m, mirror, acc := c.NewEncoder(), c.NewMemory(0), c.NewMirror(), make([]T, c.Dim())
	for seq := range uint64(4) {
		update, _, err := enc.Encode(nil, ID{Seq: seq}, m, gaussian[T](c.Dim(), seq))
		if err != nil {
			t.Fatal(name, err)
		}
		clear(acc)
		for len(update) > 0 {
			f, rest, err := c.Parse(update)
			if err != nil {
				t.Fatal(name, err)
			}
			c.Advance(mirror, acc, 1, f)
			update = rest
		}
		if !bytes.Equal(vec.Append(nil, m.Estimate()), vec.Append(nil, mirror.h)) {
			t.Fatalf("%s: mirror differs from h", name)
		}
		if !slices.Equal(acc, mirror.h) {
			t.Fatalf("%s: the update does not decode to h", name)
		}
	}
}

// e_{t+1} = e_t + g_t - h_{t+1}: so x_t - lr mean(e_t) follows plain SGD, whatever the compressor.
func TestEControlFollowsSGD(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const n, lr = 60, 0.1
		r := newRun(t, 3, make([]float64, n), drawConfig(rt, "econtrol"))
		virtual := make([]float64, n)
		for range 12 {
			seed := rapid.Uint64().Draw(rt, "g")
			g := func(i int, _ []float64) []float64 { return gaussian[float64](n, seed+uint64(i)) }
			r.step(lr, g)
			real := slices.Clone(r.x)
			for i, m := range r.clients {
				vec.Axpy(virtual, -lr/3, g(i, nil))
				vec.Axpy(real, -lr/3, m.Owed())
			}
			nearAll(rt, "x - lr mean(e)", real, virtual)
		}
	})
}

// sameRun says whether two configurations make the same x over a few steps from the same gradients.
func sameRun(rt *rapid.T, t *testing.T, a, b func(*Config), tweak func(*run)) {
	const n = 60
	ra, rb := newRun(t, 2, make([]float64, n), a), newRun(t, 2, make([]float64, n), b)
	tweak(rb)
	for range 8 {
		seed := rapid.Uint64().Draw(rt, "g")
		g := func(i int, _ []float64) []float64 { return gaussian[float64](n, seed+uint64(i)) }
		ra.step(0.1, g)
		rb.step(0.1, g)
		nearAll(rt, "x", rb.x, ra.x)
	}
}

func TestEControlWithoutEtaIsEF21(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		set := drawConfig(rt, "ef21")
		sameRun(rt, t, set, func(c *Config) { set(c); c.Feedback, c.Eta = "econtrol", 0 }, func(r *run) {
			for _, m := range r.clients {
				m.guard.eta = 0
			}
		})
	})
}

func TestEF21MWithoutMeanIsEF21(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		set := drawConfig(rt, "ef21")
		sameRun(rt, t, set, func(c *Config) { set(c); c.Feedback, c.Momentum = "ef21m", 1 }, func(*run) {})
	})
}

func TestIdentityIsSGDUnderEveryRule(t *testing.T) {
	for _, feedback := range []string{"ec", "ef21", "econtrol"} {
		rapid.Check(t, func(rt *rapid.T) {
			sameRun(rt, t, func(*Config) {}, func(c *Config) { c.Feedback, c.Eta = feedback, 0.3 }, func(*run) {})
		})
	}
}

// journey is one client and the server through refusals, losses, expiries, restarts and duplicates.
type journey struct {
	t         *rapid.T
	codec     *Codec[float64]
	encoder   *Encoder[float64]
	memory    *Memory[float64]
	mirror    *Mirror[float64]
	cursor    Cursor
	outbox    [][]byte // not decoded yet, oldest first
	seq       uint64
	worked    []float64 // sum of all g
	committed []float64 // sum of what was decoded with weight 1
}

func newJourney(t *rapid.T, c *Codec[float64]) *journey {
	return &journey{
		t: t, codec: c, encoder: c.NewEncoder(), memory: c.NewMemory(0), mirror: c.NewMirror(),
		worked: make([]float64, c.Dim()), committed: make([]float64, c.Dim()),
	}
}

func (j *journey) work() {
	g := gaussian[float64](j.codec.Dim(), rapid.Uint64().Draw(j.t, "g"))
	vec.Add(j.worked, g)
	j.seq++
	update, _, err := j.encoder.Encode(nil, ID{Seq: j.seq}, j.memory, g)
	if err != nil {
		j.t.Fatal(err)
	}
	j.outbox = append(j.outbox, update)
}

// decode has the server decode an update, and says whether it could.
func (j *journey) decode(update []byte, weight float64) error {
	h, err := j.codec.Check(update)
	if err != nil {
		j.t.Fatal(err)
	}
	if j.codec.Ordered() {
		next, err := j.cursor.Next(h)
		if err != nil {
			return err
		}
		j.cursor = next
	}
	for len(update) > 0 {
		f, rest, _ := j.codec.Parse(update)
		if j.codec.Mirrored() {
			j.codec.Advance(j.mirror, j.committed, weight, f)
		} else {
			j.codec.Add(j.committed, weight, f)
		}
		update = rest
	}
	return nil
}

// deliver brings the oldest update to the server, which commits it or gives it no weight.
func (j *journey) deliver(weight float64) {
	if len(j.outbox) == 0 {
		return
	}
	update := j.outbox[0]
	if err := j.decode(update, weight); err != nil {
		j.t.Fatal("in order and not decoded: ", err)
	}
	j.outbox = j.outbox[1:]
	if j.codec.Ordered() {
		if err := j.decode(update, 1); !errors.Is(err, ErrOld) {
			j.t.Fatal("duplicate: ", err)
		}
	}
	if weight == 0 {
		if err := j.codec.Expire(j.memory, update, j.outbox...); err != nil {
			j.t.Fatal(err)
		}
	}
}

// lose has the server refuse, or never see, an update.
func (j *journey) lose() {
	if len(j.outbox) == 0 {
		return
	}
	at := 0
	if !j.codec.rule.estimates() {
		at = rapid.IntRange(0, len(j.outbox)-1).Draw(j.t, "lost")
	} else if len(j.outbox) > 1 {
		if err := j.decode(j.outbox[1], 1); !errors.Is(err, ErrGap) {
			j.t.Fatal("after a lost one: ", err)
		}
	}
	back := j.outbox[at : at+1]
	if j.codec.rule.estimates() {
		back = j.outbox
	}
	if err := j.codec.Return(j.memory, back...); err != nil {
		j.t.Fatal(err)
	}
	j.outbox = slices.Delete(slices.Clone(j.outbox), at, at+len(back))
}

func (j *journey) restart() {
	var err error
	if j.memory, err = j.codec.RestoreMemory(j.memory.Append(nil)); err != nil {
		j.t.Fatal(err)
	}
	if j.mirror, err = j.codec.RestoreMirror(j.mirror.Append(nil)); err != nil {
		j.t.Fatal(err)
	}
}

// check holds the conservation law: what is committed, what is owed and what is in the outbox make up all local work.
func (j *journey) check() {
	total := slices.Clone(j.committed)
	if e := j.memory.Owed(); e != nil {
		vec.Add(total, e)
	}
	h := slices.Clone(j.memory.Estimate())
	for i := len(j.outbox) - 1; i >= 0; i-- {
		if !j.codec.rule.estimates() {
			j.codec.addUpdate(total, 1, j.outbox[i])
			continue
		}
		vec.Add(total, h) // what update i decodes to
		j.codec.addUpdate(h, -1, j.outbox[i])
	}
	nearAll(j.t, "committed + owed + outbox", total, j.worked)
}

func (j *journey) travel() {
	j.t.Repeat(map[string]func(*rapid.T){
		"work": func(*rapid.T) {
			if len(j.outbox) < 3 {
				j.work()
			}
		},
		"commit":  func(*rapid.T) { j.deliver(1) },
		"expire":  func(*rapid.T) { j.deliver(0) },
		"lose":    func(*rapid.T) { j.lose() },
		"restart": func(*rapid.T) { j.restart() },
		"":        func(*rapid.T) { j.check() },
	})
}

// Nothing is lost: under the rules that owe, whatever the compressor; under all others when compression loses nothing.
func TestConservation(t *testing.T) {
	for _, feedback := range []string{"ec", "econtrol"} {
		t.Run(feedback, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				newJourney(rt, codec[float64](t, 40, drawConfig(rt, feedback))).travel()
			})
		})
	}
	for _, feedback := range []string{"none", "ef21"} {
		t.Run("identity "+feedback, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				newJourney(rt, codec[float64](t, 40, func(c *Config) { c.Feedback = feedback })).travel()
			})
		})
	}
}

// With the mean memory the server's sum follows the clients' h through every loss.
func TestMeanMemoryIsTheMeanOfEstimates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		set := drawConfig(rt, "econtrol")
		c := codec[float64](t, 40, func(cfg *Config) { set(cfg); cfg.Memory = "mean" })
		j := newJourney(rt, c)
		rt.Repeat(map[string]func(*rapid.T){
			"work":   func(*rapid.T) { j.work() },
			"commit": func(*rapid.T) { j.deliver(1) },
			"lose":   func(*rapid.T) { j.lose() },
			"": func(rt *rapid.T) {
				h := slices.Clone(j.memory.Estimate())
				for _, u := range j.outbox {
					j.codec.addUpdate(h, -1, u)
				}
				nearAll(rt, "H", j.committed, append(h, make([]float64, 40-len(h))...))
			},
		})
	})
}

// An eta that is too large makes the error grow without end; the guard brings it back to about ||g||/delta. One of delta
// is left alone, however noisy g is.
func TestGuardHalvesEta(t *testing.T) {
	errorNorm := func(start float64, guarded bool) (norm float64, halved int) {
		const n = 500
		c := codec[float64](t, n, func(c *Config) { c.Kind, c.Density, c.Feedback = "topk", 0.02, "econtrol" })
		m, enc := c.NewMemory(0), c.NewEncoder()
		m.guard.eta = start
		r := rand.New(rand.NewPCG(1, 1))
		mean, g := gaussian[float64](n, 1), make([]float64, n)
		for seq := range uint64(3000) {
			for i := range g {
				g[i] = mean[i] + r.NormFloat64()
			}
			_, s, err := enc.Encode(nil, ID{Seq: seq}, m, g)
			if err != nil || s.ErrorNorm > 1e9*s.Norm {
				return math.Inf(1), halved
			}
			if norm = c.Contraction() * s.ErrorNorm / s.Norm; s.Halved {
				halved++
			}
			if !guarded {
				m.guard.eta = start
			}
		}
		return norm, halved
	}
	if norm, _ := errorNorm(0.6, false); !math.IsInf(norm, 1) {
		t.Errorf("eta 0.6 without the guard: error norm %.3g ||g||/delta, must run away", norm)
	}
	if norm, halved := errorNorm(0.6, true); norm > 3 || halved == 0 {
		t.Errorf("eta 0.6 with the guard: error norm %.3g ||g||/delta, halved %d times", norm, halved)
	}
	if norm, halved := errorNorm(0.02, true); norm > 3 || halved > 0 {
		t.Errorf("eta = delta: error norm %.3g ||g||/delta, halved %d times", norm, halved)
	}
}

func TestReturnWantsTheNewestUpdates(t *testing.T) {
	c := codec[float64](t, 10, func(c *Config) { c.Kind, c.Feedback = "topk", "econtrol" })
	enc, m := c.NewEncoder(), c.NewMemory(0)
	first, _, _ := enc.Encode(nil, ID{Seq: 1}, m, gaussian[float64](10, 1))
	if _, _, err := enc.Encode(nil, ID{Seq: 2}, m, gaussian[float64](10, 2)); err != nil {
		t.Fatal(err)
	}
	before := m.Append(nil)
	for _, updates := range [][][]byte{{first}, {first, first}, {first[1:]}} {
		if err := c.Return(m, updates...); err == nil {
			t.Error("returned, although a later update was not given back")
		}
	}
	if !bytes.Equal(before, m.Append(nil)) {
		t.Error("a refused return changed the memory")
	}
}

func TestRestoreRefusesWhatIsNotAMemory(t *testing.T) {
	c := codec[float32](t, 10, func(c *Config) { c.Kind, c.Feedback = "topk", "econtrol" })
	m := c.NewMemory(0)
	if _, _, err := c.NewEncoder().Encode(nil, ID{}, m, gaussian[float32](10, 1)); err != nil {
		t.Fatal(err)
	}
	good := m.Append(nil)
	change := func(i int, v byte) []byte {
		b := slices.Clone(good)
		b[i] = v
		return b
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, ErrTruncated},
		{"short", good[:len(good)-1], ErrTruncated},
		{"long", append(slices.Clone(good), 0), ErrLayout},
		{"version", change(0, 9), ErrVersion},
		{"float64", change(1, 8), ErrLayout},
		{"a fourth vector", change(2, 11), ErrLayout},
		{"NaN", vec.Append(good[:len(good)-4], []float32{float32(math.NaN())}), ErrNotFinite},
	} {
		if _, err := c.RestoreMemory(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
