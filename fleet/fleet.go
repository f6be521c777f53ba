package fleet

import (
	"math"
	"math/rand/v2"

	"weir/config"
)

// Streams of randomness: each use of the run's seed has its own, so that adding one does not shift another.
const (
	speedStream = iota + 1
	slowStream
	roundStream
	dropStream
)

// Round seeds everything random in one round of a client's local work: the same in the simulator and on a worker.
func Round(seed uint64, client uint32, seq uint64) uint64 {
	return mix(seed, roundStream, uint64(client), seq)
}

// Fate decides whether and when a client drops out of one round.
func Fate(seed uint64, client uint32, seq uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, mix(dropStream, uint64(client), seq)))
}

// Return decides for how long a client that dropped out stays away.
func Return(seed uint64, client uint32, seq uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, mix(dropStream, uint64(client), seq, 1)))
}

// Fleet is the clients' machines. Times are nanoseconds.
type Fleet struct {
	compute []int64 // a client's configured round of local work
	epochs  []float64
	slow    []bool // of a two-class fleet, else nil
	link    config.Link
	exact   bool // compute is the whole cycle: transfers take no time
}

// New returns the fleet that the clients section describes. Faults are those of Config.Fault.
func New(c config.Config) (*Fleet, error) {
	n := c.Clients.Count
	f := &Fleet{compute: make([]int64, n), link: c.Clients.Link}
	if d := c.Clients.Durations; len(d) > 0 {
		if len(d) != n {
			return nil, c.Fault("clients.durations", "%d durations for %d clients: must be one for each", len(d), n)
		}
		f.exact = true
		for i, seconds := range d {
			f.compute[i] = int64(math.Round(seconds * 1e9))
		}
		return f, nil
	}
	f.draw(c.Clients.Speed, c.Seed)
	if budget := int64(c.Local.Budget); budget > 0 {
		f.spend(budget)
	}
	return f, nil
}

// draw gives every client its own speed, for the whole run.
func (f *Fleet) draw(s config.Speed, seed uint64) {
	n := len(f.compute)
	random := rand.New(rand.NewPCG(seed, speedStream))
	median := float64(s.Median)
	if s.Kind == "two-class" {
		f.slow = make([]bool, n)
		order := rand.New(rand.NewPCG(seed, slowStream)).Perm(n)
		for _, i := range order[:int(math.Round(s.Slow*float64(n)))] {
			f.slow[i] = true
		}
	}
	for i := range f.compute {
		t := median
		switch s.Kind {
		case "uniform":
			t = median * (1 + s.Spread*(2*random.Float64()-1))
		case "lognormal":
			t = median * math.Exp(s.Sigma*random.NormFloat64())
		case "two-class":
			if f.slow[i] {
				t = median * s.Factor
			}
		}
		f.compute[i] = max(1, int64(math.Min(t, math.MaxInt64/1e6)))
	}
}

// spend gives every client the same time to work, in which it makes as many passes over its data as it can. Its speed
// is the time of one pass.
func (f *Fleet) spend(budget int64) {
	f.epochs = make([]float64, len(f.compute))
	for i, pass := range f.compute {
		f.epochs[i] = float64(budget) / float64(pass)
		f.compute[i] = budget
	}
}

// Compute is how long a client's round of local work takes; with clients.durations, the whole of its cycle.
func (f *Fleet) Compute(client uint32) int64 { return f.compute[client] }

// Epochs is how often a client goes through its data in a round with a time budget; 0 without one.
func (f *Fleet) Epochs(client uint32) float64 {
	if f.epochs == nil {
		return 0
	}
	return f.epochs[client]
}

// Down is how long a transfer of that many bytes to a client takes.
func (f *Fleet) Down(bytes int) int64 { return f.transfer(bytes, f.link.Down) }

// Up is how long a transfer of that many bytes from a client takes.
func (f *Fleet) Up(bytes int) int64 { return f.transfer(bytes, f.link.Up) }

// FreeUp reports whether updates arrive the moment they are computed.
func (f *Fleet) FreeUp() bool { return f.Up(0) == 0 && (f.exact || f.link.Up == 0) }

func (f *Fleet) transfer(bytes int, rate config.Rate) int64 {
	if f.exact {
		return 0
	}
	t := int64(f.link.Latency)
	if rate > 0 {
		t += int64(float64(bytes) * 8e9 / float64(rate))
	}
	return t
}

// Cycles are the times from assignment to arrival when both transfers have the given sizes in bytes.
func (f *Fleet) Cycles(down, up int) []int64 {
	overhead := f.Down(down) + f.Up(up)
	cycles := make([]int64, len(f.compute))
	for i, t := range f.compute {
		cycles[i] = t + overhead
	}
	return cycles
}

// mix hashes numbers into a seed (splitmix64, Steele et al. 2014).
func mix(values ...uint64) uint64 {
	var h uint64
	for _, v := range values {
		h += v + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}
