// Package partition deals the samples of a data set to clients.
//
// A partition is one list of sample numbers and a range of it for every client: 4 bytes a sample and a client, never a
// copy of the data.
package partition

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Partition says which client holds which samples.
type Partition struct {
	order  []int32
	bounds []int32 // client i holds order[bounds[i]:bounds[i+1]]
}

// Labels are the classes of the samples to be dealt: Of(i) below Classes for every i below Samples.
type Labels struct {
	Samples, Classes int
	Of               func(sample int) int
}

// Clients is the number of clients.
func (p *Partition) Clients() int { return len(p.bounds) - 1 }

// Size is how many samples a client holds.
func (p *Partition) Size(client int) int { return int(p.bounds[client+1] - p.bounds[client]) }

// Of lists a client's samples. The list is not to be changed.
func (p *Partition) Of(client int) []int32 { return p.order[p.bounds[client]:p.bounds[client+1]] }

// All lists the samples of all clients, in the order of the clients. The list is not to be changed.
func (p *Partition) All() []int32 { return p.order }

// ErrTooFew says that there are more clients, or shards, than there are samples for.
var ErrTooFew = errors.New("too few samples")

// tooFew returns an ErrTooFew unless there is a sample for each of the pieces.
func tooFew(samples, pieces int, unit string) error {
	if samples < pieces {
		return fmt.Errorf("%w: there are %d for %d %s", ErrTooFew, samples, pieces, unit)
	}
	return nil
}

// IID deals the samples at random, evenly to within one.
func IID(samples, clients int, random *rand.Rand) (*Partition, error) {
	if err := tooFew(samples, clients, "clients"); err != nil {
		return nil, err
	}
	order := count(samples)
	random.Shuffle(samples, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return even(order, clients), nil
}

// Sorted gives every client a contiguous piece of the samples sorted by class: as unlike each other as clients can be.
func Sorted(l Labels, clients int) (*Partition, error) {
	if err := tooFew(l.Samples, clients, "clients"); err != nil {
		return nil, err
	}
	return even(slices.Concat(byClass(l)...), clients), nil
}

// Shards sorts the samples by class, cuts them into clients*each shards, and deals every client each of them at random
// (McMahan et al. 2017, section 3).
func Shards(l Labels, clients, each int, random *rand.Rand) (*Partition, error) {
	shards := clients * each
	if err := tooFew(l.Samples, shards, fmt.Sprintf("shards of %d clients", clients)); err != nil {
		return nil, err
	}
	cut := even(slices.Concat(byClass(l)...), shards)
	p := &Partition{order: make([]int32, 0, l.Samples), bounds: make([]int32, 1, clients+1)}
	for i, shard := range random.Perm(shards) {
		p.order = append(p.order, cut.Of(shard)...)
		if (i+1)%each == 0 {
			p.bounds = append(p.bounds, int32(len(p.order)))
		}
	}
	return p, nil
}

// Lists gives every client the samples that are listed for it, of those below samples. A sample may be left out, but
// not be listed twice.
func Lists(lists [][]int, samples int) (*Partition, error) {
	p := &Partition{bounds: make([]int32, 1, len(lists)+1)}
	taken := make([]bool, samples)
	for client, list := range lists {
		if len(list) == 0 {
			return nil, fmt.Errorf("client %d has no samples", client)
		}
		for _, sample := range list {
			if sample < 0 || sample >= samples {
				return nil, fmt.Errorf("client %d: sample %d: must be between 0 and %d", client, sample, samples-1)
			}
			if taken[sample] {
				return nil, fmt.Errorf("client %d: sample %d is listed twice", client, sample)
			}
			taken[sample] = true
			p.order = append(p.order, int32(sample))
		}
		p.bounds = append(p.bounds, int32(len(p.order)))
	}
	return p, nil
}

// Range is the samples Low to High-1.
type Range struct{ Low, High int }

// Natural makes clients of those with the most samples, of equals the first, and keeps them in their order. There must
// be at least that many owners.
func Natural(owners []Range, clients int) *Partition {
	size := func(i int) int { return owners[i].High - owners[i].Low }
	chosen := make([]int, len(owners))
	for i := range chosen {
		chosen[i] = i
	}
	slices.SortStableFunc(chosen, func(a, b int) int { return size(b) - size(a) })
	chosen = chosen[:clients]
	slices.Sort(chosen)
	p := &Partition{bounds: make([]int32, 1, clients+1)}
	for _, i := range chosen {
		for sample := owners[i].Low; sample < owners[i].High; sample++ {
			p.order = append(p.order, int32(sample))
		}
		p.bounds = append(p.bounds, int32(len(p.order)))
	}
	return p
}

// even cuts order into pieces whose lengths differ by at most one.
func even(order []int32, pieces int) *Partition {
	p := &Partition{order: order, bounds: make([]int32, pieces+1)}
	for i := range p.bounds {
		p.bounds[i] = int32(int64(i) * int64(len(order)) / int64(pieces))
	}
	return p
}

// byClass lists the samples of every class in increasing order.
func byClass(l Labels) [][]int32 {
	classes := make([][]int32, l.Classes)
	for i := range l.Samples {
		class := l.Of(i)
		classes[class] = append(classes[class], int32(i))
	}
	return classes
}

func count(n int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	return order
}
