package journal

import (
	"math"
	"slices"

	"weir/aggregate"
	"weir/compress"
	"weir/config"
	"weir/fleet"
	"weir/ledger"
	"weir/record"
	"weir/vec"
)

// Facts are what a summary needs that neither journal nor ledger knows.
type Facts struct {
	Kind      string // sim, cluster
	Config    config.Config
	Dim       int   // parameters
	Now       int64 // nanoseconds since the run began
	Wall      float64
	StoppedBy string
	Error     error // why the run failed, or nil
	Digest    string
	Fleet     *fleet.Fleet
	Cycles    []int64 // by client, in nanoseconds
	Epochs    uint64  // feedback epochs that were begun anew
}

// Summary sums a run up, however it ended.
func (j *Journal) Summary(l *ledger.Ledger, f Facts) record.Summary {
	n := len(f.Cycles)
	dense := uint64(DenseSize[float32](f.Dim))
	s := record.Summary{
		Name: f.Config.Name, Kind: f.Kind, Seed: f.Config.Seed, Clients: n, Parameters: f.Dim,
		Versions: l.Version(), WallSeconds: f.Wall, VirtualSeconds: float64(f.Now) / 1e9, WindowSeconds: float64(l.Window()) / 1e9,
		StoppedBy: f.StoppedBy, ModelDigest: f.Digest, Metrics: map[string]record.Metric{}, TimeToTarget: j.Target,
		Updates: j.Counts(l), Samples: j.Samples,
		Bytes: record.ByteCounts{
			Up: j.BytesUp, Down: j.BytesDown, UpUncompressed: j.Sent * dense, DownUncompressed: j.Downloads * dense,
		},
		Staleness: Staleness(l), Feedback: j.feedback(f), Bias: bias(l, f), Time: j.shares(float64(f.Now) * float64(n)),
	}
	if f.Error != nil {
		s.Error = f.Error.Error()
	}
	for name, series := range j.Metrics {
		s.Metrics[name] = series.Metric()
	}
	return s
}

// Counts are the updates by what became of them.
func (j *Journal) Counts(l *ledger.Ledger) record.UpdateCounts {
	c := l.Counts()
	return record.UpdateCounts{
		Sent: j.Sent, Admitted: c.Admitted, Committed: c.Committed, Refused: c.Refused, Duplicate: c.Duplicate, Late: c.Late,
	}
}

// Staleness sums up how stale the updates were.
func Staleness(l *ledger.Ledger) record.StalenessSummary {
	age := l.Staleness()
	return record.StalenessSummary{
		Mean: age.Mean(), P50: age.Quantile(.5), P95: age.Quantile(.95), Max: int(age.Max), Histogram: slices.Clone(age.Trimmed()),
	}
}

// Model adds the model itself to a summary where it is small, and how far it is from the optimum where that is known.
func Model[T vec.Float](s *record.Summary, x []T, optimum []float64) {
	if len(x) <= 1000 {
		for _, v := range x {
			s.Theta = append(s.Theta, float64(v))
		}
	}
	if optimum != nil {
		sum := 0.0
		for i, v := range optimum {
			sum += (float64(x[i]) - v) * (float64(x[i]) - v)
		}
		distance := math.Sqrt(sum)
		s.XStarDistance = &distance
	}
}

// feedback sums up compression; nil in a run without it.
func (j *Journal) feedback(f Facts) *record.Feedback {
	if !j.Compressed {
		return nil
	}
	sum := &record.Feedback{Returned: j.Returned, EpochsReset: f.Epochs}
	for _, e := range j.Errors {
		sum.ErrorNorm += e / float64(len(j.Errors))
	}
	if j.Sent > 0 {
		sum.MeasuredDelta = j.Delta / float64(j.Sent)
	}
	return sum
}

// bias compares the share that each client had in the model with its share of the data.
func bias(l *ledger.Ledger, f Facts) record.Bias {
	achieved, target := l.Shares()
	committed := l.Participation(nil)
	if f.Config.Compress.Mean() {
		achieved = meanShares(committed, target)
	}
	b := record.Bias{Gini: aggregate.Gini(committed)}
	if len(achieved) == len(f.Cycles) { // else the run has not begun
		b.Classes = f.Fleet.Describe(f.Cycles, committed, achieved, target)
	}
	if l.Version() > 0 {
		b.TotalVariation = aggregate.TotalVariation(achieved, target)
	}
	if len(achieved) <= 1000 {
		b.Share, b.Target = achieved, target
	}
	return b
}

// meanShares are the shares of the model under the server's mean memory: every client that was ever heard counts with
// its share of the data at every version, whoever takes part.
func meanShares(committed []uint64, target []float64) []float64 {
	achieved := make([]float64, len(target))
	heard := 0.0
	for i, n := range committed {
		if n > 0 {
			achieved[i] = target[i]
			heard += target[i]
		}
	}
	for i := range achieved {
		if heard > 0 {
			achieved[i] /= heard
		}
	}
	return achieved
}

// shares says what became of all clients' time.
func (j *Journal) shares(clientTime float64) record.TimeShares {
	if clientTime == 0 {
		return record.TimeShares{Idle: 1, Overlap: 1}
	}
	t := record.TimeShares{Compute: float64(j.Compute) / clientTime, BlockedOnNetwork: float64(j.Blocked) / clientTime}
	t.Idle = max(0, 1-t.Compute-t.BlockedOnNetwork)
	switch {
	case j.Blocked == 0:
		t.Overlap = 1 // nothing was communicated that took time, or all of it beside work
	case j.Carried > 0:
		t.Overlap = max(0, 1-float64(j.Blocked)/float64(j.Carried))
	}
	return t
}

// DenseSize is the bytes of a model or an update in dense frames.
func DenseSize[T vec.Float](dim int) int {
	codec, err := compress.NewCodec[T](compress.DefaultConfig(), dim, 0)
	if err != nil {
		return 0 // no run gets here with such a dimension
	}
	return codec.Fragments()*compress.HeaderSize + vec.Size[T]()*dim
}

// Done is how much of a run is over, by the nearest of its bounds; 0 when it has none. Now is in nanoseconds.
func Done(c config.Config, version uint64, now int64) float64 {
	fraction := 0.0
	if bound := c.Stop.Versions; bound > 0 {
		fraction = float64(version) / float64(bound)
	}
	if bound := c.Stop.Time; bound > 0 {
		fraction = max(fraction, float64(now)/1e9/bound.Seconds())
	}
	return min(1, fraction)
}
