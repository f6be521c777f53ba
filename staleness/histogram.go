package staleness

// Bins is how many values of staleness a Histogram tells apart; the last bin takes everything from there on.
const Bins = 256

// Histogram counts updates by staleness. The zero value is empty.
type Histogram struct {
	Counts [Bins]uint64
	Sum    uint64
	Max    uint64
}

// Add counts one update of staleness s.
func (h *Histogram) Add(s uint64) {
	h.Counts[min(s, Bins-1)]++
	h.Sum += s
	h.Max = max(h.Max, s)
}

// Total is the number of updates counted.
func (h *Histogram) Total() uint64 {
	var n uint64
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Mean staleness; 0 when nothing was counted.
func (h *Histogram) Mean() float64 {
	if n := h.Total(); n > 0 {
		return float64(h.Sum) / float64(n)
	}
	return 0
}

// Quantile is the smallest s that at least the fraction q of the updates do not exceed.
func (h *Histogram) Quantile(q float64) int {
	total := h.Total()
	var seen uint64
	for s, c := range h.Counts {
		if seen += c; seen > 0 && float64(seen) >= q*float64(total) {
			return s
		}
	}
	return 0
}

// Trimmed is the counts up to the last bin that is not empty.
func (h *Histogram) Trimmed() []uint64 {
	n := Bins
	for n > 0 && h.Counts[n-1] == 0 {
		n--
	}
	return h.Counts[:n]
}
