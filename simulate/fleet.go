package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"weir/config"
	"weir/record"
)

// Streams of randomness: each use of the run's seed has its own, so that adding one does not shift another.
const (
	speedStream = iota + 1
	slowStream
	roundStream
	dropStream
)

// fleet is the clients' machines: what takes how long. Times are virtual nanoseconds.
type fleet struct {
	compute []int64 // a client's configured round of local work
	epochs  []float64
	slow    []bool // of a two-class fleet, else nil
	link    config.Link
	exact   bool // compute is the whole cycle: transfers take no time
}

func newFleet(c config.Config) (*fleet, error) {
	n := c.Clients.Count
	f := &fleet{compute: make([]int64, n), link: c.Clients.Link}
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
func (f *fleet) draw(s config.Speed, seed uint64) {
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
func (f *fleet) spend(budget int64) {
	f.epochs = make([]float64, len(f.compute))
	for i, pass := range f.compute {
		f.epochs[i] = float64(budget) / float64(pass)
		f.compute[i] = budget
	}
}

// down and up are how long a transfer of that many bytes takes.
func (f *fleet) down(bytes int) int64 { return f.transfer(bytes, f.link.Down) }
func (f *fleet) up(bytes int) int64   { return f.transfer(bytes, f.link.Up) }

// freeUp reports whether updates arrive the moment they are computed.
func (f *fleet) freeUp() bool { return f.up(0) == 0 && (f.exact || f.link.Up == 0) }

func (f *fleet) transfer(bytes int, rate config.Rate) int64 {
	if f.exact {
		return 0
	}
	t := int64(f.link.Latency)
	if rate > 0 {
		t += int64(float64(bytes) * 8e9 / float64(rate))
	}
	return t
}

// cycles are the times from assignment to arrival when both transfers have the given sizes.
func (f *fleet) cycles(downBytes, upBytes int) []int64 {
	overhead := f.down(downBytes) + f.up(upBytes)
	cycles := make([]int64, len(f.compute))
	for i, t := range f.compute {
		cycles[i] = t + overhead
	}
	return cycles
}

// median of the given times, which must not be empty.
func median(times []int64) int64 {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	return sorted[(n-1)/2] + (sorted[n/2]-sorted[(n-1)/2])/2
}

// classes groups the clients by speed: the two classes of a two-class fleet, one class when all are equal, else
// quarters by cycle time. It returns a name for each group and its members.
func (f *fleet) classes(cycles []int64) (names []string, members [][]int) {
	order := make([]int, len(cycles))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if cycles[a] != cycles[b] {
			return int(min(1, max(-1, cycles[a]-cycles[b])))
		}
		return 0
	})
	n := len(order)
	switch {
	case f.slow != nil:
		fast := slices.IndexFunc(order, func(i int) bool { return f.slow[i] })
		if fast <= 0 {
			return []string{"all clients"}, [][]int{order}
		}
		return []string{"fast", "slow"}, [][]int{order[:fast], order[fast:]}
	case n < 4 && n > 1 && cycles[order[0]] != cycles[order[n-1]]:
		for i := range order {
			names = append(names, fmt.Sprintf("client %d", order[i]))
			members = append(members, order[i:i+1])
		}
		return names, members
	case n < 4 || cycles[order[0]] == cycles[order[n-1]]:
		return []string{"all clients"}, [][]int{order}
	}
	for q, name := range []string{"fastest quarter", "second quarter", "third quarter", "slowest quarter"} {
		names = append(names, name)
		members = append(members, order[q*n/4:(q+1)*n/4])
	}
	return names, members
}

// describe sums up what each class gave to the model.
func (f *fleet) describe(cycles []int64, committed []uint64, achieved, target []float64) []record.Class {
	names, members := f.classes(cycles)
	var all uint64
	for _, c := range committed {
		all += c
	}
	classes := make([]record.Class, len(names))
	for i, name := range names {
		class := record.Class{Name: name, Clients: len(members[i])}
		var mine uint64
		times := make([]int64, 0, len(members[i]))
		for _, m := range members[i] {
			mine += committed[m]
			class.Share += achieved[m]
			class.Target += target[m]
			times = append(times, cycles[m])
		}
		class.Cycle = float64(median(times)) / 1e9
		if all > 0 {
			class.Participation = float64(mine) / float64(all)
		}
		classes[i] = class
	}
	return classes
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
