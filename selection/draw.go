package selection

import "math/rand/v2"

// urn draws without replacement, each time with a probability in proportion to the weights that are left. It is a binary
// tree of sums: filling it costs O(n), a draw O(log n). A sum is always that of its two children, never a difference, so
// what was taken leaves no rounding behind.
type urn struct {
	sums   []float64 // the root is 1, the children of i are 2i and 2i+1, the leaves begin at leaves
	leaves int
	n      int
}

// fill puts the weights into the urn; none may be negative.
func (u *urn) fill(weights []float64) {
	u.n, u.leaves = len(weights), 1
	for u.leaves < u.n {
		u.leaves *= 2
	}
	if cap(u.sums) < 2*u.leaves {
		u.sums = make([]float64, 2*u.leaves)
	}
	u.sums = u.sums[:2*u.leaves]
	copy(u.sums[u.leaves:], weights)
	clear(u.sums[u.leaves+u.n:])
	for i := u.leaves - 1; i >= 1; i-- {
		u.sums[i] = u.sums[2*i] + u.sums[2*i+1]
	}
}

// total is the sum of the weights that are left.
func (u *urn) total() float64 { return u.sums[1] }

// draw takes one out, whose weight was not 0. It wants total() > 0.
func (u *urn) draw(random *rand.Rand) int {
	level := float64(random.Float64() * u.total())
	at := 1
	for at < u.leaves {
		at *= 2
		if left := u.sums[at]; level >= left && u.sums[at+1] > 0 {
			level -= left
			at++
		}
	}
	u.take(at)
	return at - u.leaves
}

// take removes a leaf.
func (u *urn) take(at int) {
	u.sums[at] = 0
	for at /= 2; at >= 1; at /= 2 {
		u.sums[at] = u.sums[2*at] + u.sums[2*at+1]
	}
}

// picked is where the chosen stand in the list of free clients, in the order in which they were drawn.
type picked struct {
	places []int
	taken  []bool
	ids    []uint32
}

// none forgets the last choice, and gets ready for one of n clients.
func (p *picked) none(n int) {
	p.places = p.places[:0]
	if cap(p.taken) < n {
		p.taken = make([]bool, n)
	}
	p.taken = p.taken[:n]
	clear(p.taken)
}

func (p *picked) add(place int) {
	p.places = append(p.places, place)
	p.taken[place] = true
}

// toEnd moves the picked clients to the end of free, in that order; the others keep theirs.
func (p *picked) toEnd(free []uint32) {
	p.ids = p.ids[:0]
	for _, at := range p.places {
		p.ids = append(p.ids, free[at])
	}
	kept := 0
	for at, id := range free {
		if !p.taken[at] {
			free[kept] = id
			kept++
		}
	}
	copy(free[kept:], p.ids)
}

// kth is the k-th smallest of values, from 0, which it reorders. O(n) on average (Hoare 1961); it wants no NaN.
func kth(values []float64, k int) float64 {
	lo, hi := 0, len(values)-1
	for lo < hi {
		pivot := median3(values[lo], values[lo+(hi-lo)/2], values[hi])
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return values[k]
		}
	}
	return values[k]
}

func median3(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }
