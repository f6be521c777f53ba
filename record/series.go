package record

import (
	"math"
)

// Series sums up one metric as its evaluations come. Its fields are exported for checkpoints.
type Series struct {
	Larger bool // larger is better
	N      int
	Best   float64
	BestAt uint64
	Recent [50]float64 // the newest evaluations, the n-th at n%50
}

// Add takes one more evaluation.
func (s *Series) Add(version uint64, v float64) {
	better := v < s.Best
	if s.Larger {
		better = v > s.Best
	}
	if s.N == 0 || better || math.IsNaN(s.Best) {
		s.Best, s.BestAt = v, version
	}
	s.Recent[s.N%len(s.Recent)] = v
	s.N++
}

// Mean is that of the newest k evaluations, or of all when there were fewer; k is at most 50.
func (s *Series) Mean(k int) float64 {
	k = min(k, s.N)
	sum := 0.0
	for i := s.N - k; i < s.N; i++ {
		sum += s.Recent[i%len(s.Recent)]
	}
	return sum / float64(k)
}

// Metric is the series as a summary has it.
func (s *Series) Metric() Metric {
	return Metric{Best: s.Best, Final: s.Mean(1), Last10Mean: s.Mean(10), Last50Mean: s.Mean(50), AtBestVersion: s.BestAt}
}
