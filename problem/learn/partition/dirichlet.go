package partition

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
)

// Dirichlet deals the samples of each class by shares that are drawn from a symmetric Dirichlet distribution over the
// clients: label skew with unequal amounts of data, as in Yurochkin et al. 2019 and Li et al. 2022 (NIID-Bench). The
// smaller alpha, the fewer clients share a class. A client that is left with nothing takes one sample from the client
// that has the most.
func Dirichlet(l Labels, clients int, alpha float64, random *rand.Rand) (*Partition, error) {
	if err := tooFew(l.Samples, clients, "clients"); err != nil {
		return nil, err
	}
	lists := make([][]int32, clients)
	share := make([]float64, clients)
	for _, class := range byClass(l) {
		random.Shuffle(len(class), func(i, j int) { class[i], class[j] = class[j], class[i] })
		drawDirichlet(share, alpha, random)
		sum, low := 0.0, 0
		for client, s := range share {
			sum += s
			high := min(len(class), int(math.Round(sum*float64(len(class)))))
			if client == clients-1 {
				high = len(class)
			}
			lists[client] = append(lists[client], class[low:high]...)
			low = high
		}
	}
	feed(lists)
	p := &Partition{order: slices.Concat(lists...), bounds: make([]int32, 1, clients+1)}
	for _, list := range lists {
		p.bounds = append(p.bounds, p.bounds[len(p.bounds)-1]+int32(len(list)))
	}
	return p, nil
}

// feed gives every client that has nothing a sample of the client that has the most, of equals the first.
func feed(lists [][]int32) {
	var rich byWealth // all that have something
	var poor []int
	for client, list := range lists {
		if len(list) == 0 {
			poor = append(poor, client)
		} else {
			rich = append(rich, holding{client, len(list)})
		}
	}
	heap.Init(&rich)
	for _, client := range poor {
		richest := &rich[0]
		from := lists[richest.client]
		richest.size--
		lists[client], lists[richest.client] = from[richest.size:], from[:richest.size]
		heap.Fix(&rich, 0)
	}
}

// holding is how many samples a client has.
type holding struct{ client, size int }

// byWealth is a heap with the largest holding on top. It neither grows nor shrinks.
type byWealth []holding

func (h byWealth) Len() int      { return len(h) }
func (h byWealth) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h byWealth) Push(any)      {}
func (h byWealth) Pop() any      { return nil }
func (h byWealth) Less(i, j int) bool {
	if h[i].size != h[j].size {
		return h[i].size > h[j].size
	}
	return h[i].client < h[j].client
}

// drawDirichlet draws shares with the density proportional to the product of share^(alpha-1).
func drawDirichlet(share []float64, alpha float64, random *rand.Rand) {
	// Shares are Gamma(alpha) variables over their sum. Those of a small alpha are too small to be represented, so
	// that their logarithms are drawn: Gamma(alpha) is Gamma(alpha+1) U^(1/alpha) (Marsaglia and Tsang 2000, section 6).
	largest := math.Inf(-1)
	for i := range share {
		share[i] = math.Log(gamma(alpha+1, random)) - random.ExpFloat64()/alpha
		largest = max(largest, share[i])
	}
	sum := 0.0
	for i, logarithm := range share {
		share[i] = math.Exp(logarithm - largest)
		sum += share[i]
	}
	for i := range share {
		share[i] /= sum
	}
}

// gamma draws from the Gamma distribution of the given shape, at least 1, and scale 1 (Marsaglia and Tsang 2000).
func gamma(shape float64, random *rand.Rand) float64 {
	d := shape - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := random.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if -random.ExpFloat64() < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
