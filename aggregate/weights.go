package aggregate

import "slices"

// Weigher gives every update its weight d_i.
//
// For unbiased weights it divides by the client's participation. Where the law of the population is exact that is the
// law. Elsewhere it is the mean of a Gamma posterior: the law (or, with unknown cycle times, equal participation) is
// the prior, worth one participation of an average client, and what was committed so far is the evidence. Dividing by
// what has really happened also takes out the luck of the draw, so the achieved shares come out nearer their targets
// than with the exact expectation.
type Weigher struct {
	weights string
	cap     float64
	closing Closing

	expected []float64 // by law: participations of client i a window
	exact    bool
	prior    float64 // windows that the law counts for
	median   float64 // of 1/participation, over the clients
	scratch  []float64
	stale    int // commits of updates since the median was taken
}

// NewWeigher returns the weigher of a policy; Reset must be called before its first use.
func NewWeigher(c Config, closing Closing) *Weigher {
	return &Weigher{weights: c.Weights, cap: c.WeightCap, closing: closing}
}

// Reset tells the weigher the population, of n clients. O(n log n) for unbiased weights.
func (w *Weigher) Reset(n int, p Population) {
	if w.weights != "unbiased" || n == 0 {
		return
	}
	w.expected = slices.Grow(w.expected[:0], n)[:n]
	w.exact = w.closing.Participation(w.expected, p)
	total := 0.0
	for _, e := range w.expected {
		total += e
	}
	w.prior = float64(n) / total
	w.median = 0
	w.stale = 0
}

// Unbiased reports whether the weigher needs Reset and Median.
func (w *Weigher) Unbiased() bool { return w.weights == "unbiased" }

// Median brings the median of 1/participation up to date when enough has been committed since the last time.
// committed(i) is how often client i was in a window, of windows so far.
func (w *Weigher) Median(newly int, committed func(i int) float64, windows float64) {
	n := len(w.expected)
	w.stale += newly
	if w.median != 0 && (w.exact || w.stale < 1+n/2) {
		return
	}
	w.stale = 0
	w.scratch = slices.Grow(w.scratch[:0], n)[:n]
	for i := range n {
		w.scratch[i] = 1 / w.participation(i, committed(i), windows)
	}
	slices.Sort(w.scratch)
	w.median = (w.scratch[(n-1)/2] + w.scratch[n/2]) / 2
}

// State is what a snapshot of the weigher holds beyond what Reset rebuilds.
func (w *Weigher) State() (median float64, stale int) { return w.median, w.stale }

// SetState restores State; it comes after Reset.
func (w *Weigher) SetState(median float64, stale int) { w.median, w.stale = median, stale }

func (w *Weigher) participation(i int, committed, windows float64) float64 {
	if w.exact {
		return w.expected[i]
	}
	return (float64(w.prior*w.expected[i]) + committed) / (w.prior + windows)
}

// Update is what a weight depends on.
type Update struct {
	Client    int
	Share     float64 // p_i
	Clients   int     // n
	Committed float64 // windows that client i was in so far, this one included
	Windows   float64 // windows so far, this one included
	Factor    float64 // of staleness
	Score     float64 // by which the client was chosen, see leastScore
}

// Weight is an update's weight before normalisation, with its staleness factor, and its part of the normaliser that
// Scale divides by.
func (w *Weigher) Weight(u Update) (weight, part float64) {
	switch quota := w.closing.Quota(); {
	case w.weights == "block": // nobody else has changed what this client's update changes: there is nothing to average
		return u.Factor, 0
	case w.weights == "unbiased":
		inverse := 1 / w.participation(u.Client, u.Committed, u.Windows)
		d := float64(u.Share * min(inverse, float64(w.cap*w.median)))
		return float64(d * u.Factor), 0
	case w.weights == "score" && quota != 1: // of a window of one the weight is its own normaliser
		return float64(scored(u.Score) * u.Factor), scored(u.Score)
	case (w.weights == "identical" || w.weights == "score") && quota > 0:
		return u.Factor / float64(quota), 0
	case w.weights == "identical":
		return u.Factor, 1
	case quota == 1: // a window of one cannot be normalised by itself: the mean weight over the clients is 1
		return float64(float64(u.Share*float64(u.Clients)) * u.Factor), 0
	default:
		return float64(u.Share * u.Factor), u.Share
	}
}

// leastScore is added to a score in [0, 1], so that nobody's work is thrown away.
const leastScore = 0.1

// scored is a client's weight by the score that it was chosen by. Without one it counts like the best.
func scored(score float64) float64 {
	if !(score >= 0 && score-score == 0) {
		score = 1
	}
	return score + leastScore
}

// Scale is what the window's weighted sum is multiplied with; parts is the sum of what Weight returned for it.
func (w *Weigher) Scale(parts float64) float64 {
	if parts > 0 {
		return w.closing.Gain() / parts
	}
	return w.closing.Gain()
}

// Gini is the Gini coefficient of counts: half their mean absolute difference over their mean. It is 0 when all are alike,
// and (n-1)/n when one of n has everything. O(n log n).
func Gini(counts []uint64) float64 {
	sorted := slices.Sorted(slices.Values(counts))
	sum, ranked := 0.0, 0.0
	for i, c := range sorted {
		sum += float64(c)
		ranked += float64(float64(i+1) * float64(c))
	}
	n := float64(len(counts))
	if sum == 0 {
		return 0
	}
	return (float64(2*ranked/sum) - n - 1) / n
}

// TotalVariation is half the sum of |q_i - p_i|: the aggregation bias, when q are the achieved shares of the model and
// p the targets, each summing to 1. It lies in [0, 1].
func TotalVariation(q, p []float64) float64 {
	sum := 0.0
	for i := range q {
		sum += max(q[i]-p[i], p[i]-q[i])
	}
	return sum / 2
}
