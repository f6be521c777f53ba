package compress

import (
	"math"
	"math/bits"

	"weir/vec"
)

// selector chooses the k coordinates of largest size: exactly those, of equals the ones of lowest index, and never a 0.
//
// A sample of the fragment gives a threshold that a little more than k coordinates should reach. What reaches it is
// gathered while the fragment passes by once, and the k largest of that are found by their bits. Should the sample
// mislead, so that fewer than k or far too many reach it, the fragment is read again: exactly, slowly, and in no more
// memory.
type selector[T vec.Float] struct {
	idx    []uint32 // candidates' coordinates, counted from the start of the fragment
	val    []T
	sample []T
	counts [4096]uint32
	near   [4096]uint64
	last   T // blocktopk: the size of the smallest value that the last block kept
}

const (
	fewCandidates = 1 << 12 // no more coordinates than these are taken as candidates all
	maxSample     = 1 << 14
	neighbours    = 4 // coordinates that are sampled together: what is near costs nothing more
)

// top chooses k of the coordinates from lo to hi. What it returns is valid until the next call.
func (s *selector[T]) top(st *step[T], lo, hi, k int) ([]uint32, []T) {
	n := hi - lo
	room := max(2*k, fewCandidates)
	s.reserve(room + tile)
	threshold := smallest[T]()
	if n > room {
		threshold = s.sampled(st, lo, hi, k)
	}
	st.threshold = threshold
	found := 0
	for at := lo; at < hi; at += tile {
		p := st.advance(at, min(at+tile, hi))
		if found <= room {
			found += s.gather(found, st.marks(p), p, at-lo)
		}
	}
	if found > room || found < k && threshold > smallest[T]() {
		return s.again(st, lo, hi, k)
	}
	found = s.keep(0, found, k, threshold)
	return s.idx[:found], s.val[:found]
}

// blocks chooses k(length) of the coordinates of every block of a tile between lo and hi.
func (s *selector[T]) blocks(st *step[T], lo, hi int, k func(length int) int) ([]uint32, []T) {
	s.reserve((hi-lo+tile-1)/tile*k(tile) + tile)
	kept := 0
	for at := lo; at < hi; at += tile {
		st.threshold = max(s.last*T(0.9), smallest[T]()) // blocks are alike
		p := st.advance(at, min(at+tile, hi))
		want := k(len(p))
		found := s.gather(kept, st.marks(p), p, at-lo)
		if found < want {
			st.threshold = smallest[T]()
			mark(st.bits[:], p, st.threshold)
			found = s.gather(kept, st.bits[:(len(p)+7)/8], p, at-lo)
		}
		found = s.keep(kept, found, want, st.threshold)
		s.last = 0
		if found > 0 {
			s.last = minAbs(s.val[kept : kept+found])
		}
		kept += found
	}
	return s.idx[:kept], s.val[:kept]
}

// gather adds the marked values of p, whose first is coordinate base of the fragment, to the candidates after the first
// found, and returns how many they are.
func (s *selector[T]) gather(found int, marks []byte, p []T, base int) int {
	idx := s.idx[found:]
	val := s.val[found:][:len(idx)]
	n := 0
	for at := 0; at < len(marks); at += 8 {
		for word := word64(marks, at); word != 0; word &= word - 1 {
			i := 8*at + bits.TrailingZeros64(word)
			idx[n], val[n] = uint32(base+i), p[i]
			n++
		}
	}
	return n
}

// reserve makes room for n candidates.
func (s *selector[T]) reserve(n int) {
	if len(s.idx) < n {
		s.idx, s.val = make([]uint32, n), make([]T, n)
	}
}

// keep leaves the k largest of the found candidates that begin at first, and returns how many it left. All of them are
// at least threshold in size.
func (s *selector[T]) keep(first, found, k int, threshold T) int {
	if found <= k {
		return found
	}
	idx, val := s.idx[first:first+found], s.val[first:first+found]
	bound, ties := s.kth(source[T]{values: val}, k, threshold)
	n := 0
	for i, v := range val {
		switch a := abs(v); {
		case a < bound:
			continue
		case a == bound:
			if ties == 0 {
				continue
			}
			ties--
		}
		idx[n], val[n] = idx[i], v
		n++
	}
	return n
}

// again chooses k of the coordinates from lo to hi, which have been advanced, by reading them as often as it takes.
func (s *selector[T]) again(st *step[T], lo, hi, k int) ([]uint32, []T) {
	bound, ties := s.kth(source[T]{step: st, lo: lo, hi: hi}, k, smallest[T]())
	n := 0
	for at := lo; at < hi; at += tile {
		for i, v := range st.again(at, min(at+tile, hi)) {
			a := abs(v)
			if a < bound || a == bound && ties == 0 {
				continue
			}
			if a == bound {
				ties--
			}
			s.idx[n], s.val[n] = uint32(at-lo+i), v
			n++
		}
	}
	return s.idx[:n], s.val[:n]
}

// source is what kth reads, as often as it needs: values, or those that a step has advanced from lo to hi.
type source[T vec.Float] struct {
	values []T
	step   *step[T]
	lo, hi int
}

// pieces is how many calls of piece give it all.
func (s source[T]) pieces() int {
	if s.step == nil {
		return 1
	}
	return (s.hi - s.lo + tile - 1) / tile
}

func (s source[T]) piece(i int) []T {
	if s.step == nil {
		return s.values
	}
	at := s.lo + i*tile
	return s.step.again(at, min(at+tile, s.hi))
}

// kth returns the size of the k-th largest of all values that are at least floor in size, and how many of that very
// size are among the k largest. When there are fewer than k values it returns floor.
func (s *selector[T]) kth(from source[T], k int, floor T) (bound T, ties int) {
	if n := len(from.values); from.step == nil && n <= len(s.near) {
		if n < k {
			return floor, k
		}
		return s.kthNear(from, k, key(floor), math.MaxInt64)
	}
	var top T
	for i := range from.pieces() {
		top = max(top, maxAbs(from.piece(i)))
	}
	if top < floor {
		return floor, k
	}
	lo, hi := key(floor), key(top)
	for {
		span := hi - lo
		shift := max(bits.Len64(span), 12) - 12
		s.counts = [4096]uint32{}
		for i := range from.pieces() {
			for _, v := range from.piece(i) {
				if d := key(v) - lo; d <= span {
					s.counts[d>>shift&4095]++
				}
			}
		}
		bin := int(span >> shift)
		for ; bin >= 0 && int(s.counts[bin]) < k; bin-- {
			k -= int(s.counts[bin])
		}
		if bin < 0 {
			return floor, k
		}
		lo += uint64(bin) << shift
		hi = lo + 1<<shift - 1
		if shift == 0 {
			return T(math.Float64frombits(lo)), k
		}
		if int(s.counts[bin]) <= len(s.near) {
			return s.kthNear(from, k, lo, hi)
		}
	}
}

// kthNear finishes kth among the few values with keys from lo to hi.
func (s *selector[T]) kthNear(from source[T], k int, lo, hi uint64) (bound T, ties int) {
	n := 0
	for i := range from.pieces() {
		for _, v := range from.piece(i) {
			if d := key(v); d-lo <= hi-lo {
				s.near[n] = d
				n++
			}
		}
	}
	if n < k {
		return T(math.Float64frombits(lo)), k
	}
	at, larger := nth(s.near[:n], k)
	return T(math.Float64frombits(at)), k - larger
}

// nth returns the k-th largest of keys, which it reorders, and how many are larger.
func nth(keys []uint64, k int) (at uint64, larger int) {
	for {
		n := len(keys)
		a, b, c := keys[0], keys[n/2], keys[n-1]
		pivot := max(min(a, b), min(max(a, b), c))
		// keys[:i] > pivot, keys[i:j] == pivot, keys[j:l] not seen, keys[l:] < pivot
		i, l := 0, n
		for j := 0; j < l; {
			switch v := keys[j]; {
			case v > pivot:
				keys[i], keys[j] = v, keys[i]
				i++
				j++
			case v == pivot:
				j++
			default:
				l--
				keys[j], keys[l] = keys[l], v
			}
		}
		switch {
		case k <= i:
			keys = keys[:i]
		case k <= l:
			return pivot, larger + i
		default:
			keys, k, larger = keys[l:], k-l, larger+l
		}
	}
}

// sampled returns a size that a little more than k of the coordinates from lo to hi should reach.
func (s *selector[T]) sampled(st *step[T], lo, hi, k int) T {
	n := hi - lo
	m := min(max(n/64, 1024), maxSample) &^ (neighbours - 1)
	if s.sample == nil {
		s.sample = make([]T, maxSample)
	}
	sample := s.sample[:m]
	stride := neighbours * n / m
	for j := 0; j < m; j += neighbours {
		at := lo + j/neighbours*stride + below(mix(uint64(j)), stride-neighbours)
		for i := range neighbours {
			sample[j+i] = abs(st.guess(at + i))
		}
	}
	// Of the k largest about m*k/n fall into the sample; five standard deviations more are nearly always enough.
	expect := float64(m) * float64(k) / float64(n)
	rank := int(expect+5*math.Sqrt(expect)) + 1
	bound, _ := s.kth(source[T]{values: sample}, rank, smallest[T]())
	return bound
}

// key orders values by their size.
func key[T vec.Float](v T) uint64 { return math.Float64bits(float64(v)) &^ (1 << 63) }

// smallest is the least positive T.
func smallest[T vec.Float]() T {
	if vec.Size[T]() == 4 {
		return T(math.Float32frombits(1))
	}
	return T(math.Float64frombits(1))
}

func minAbs[T vec.Float](x []T) T {
	m := abs(x[0])
	for _, v := range x {
		m = min(m, abs(v))
	}
	return m
}
