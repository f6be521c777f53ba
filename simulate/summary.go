package simulate

import (
	"context"
	"errors"
	"math"
	"time"

	"weir/aggregate"
	"weir/compress"
	"weir/record"
	"weir/vec"
)

// result sums the run up, however it ended.
func (r *run[T]) result(err error) Result {
	l := r.machine.Ledger
	stopped := l.Stopped()
	var diverged *DivergedError
	switch {
	case errors.As(err, &diverged):
		stopped = "diverged"
	case errors.Is(err, context.Canceled):
		stopped = "interrupt"
	case err != nil:
		stopped = "error"
	}
	dense := uint64(denseSize[float32](r.problem.Dim()))
	counts, age := l.Counts(), l.Staleness()
	clientTime := float64(r.now) * float64(len(r.flights))
	s := record.Summary{
		Name: r.config.Name, Kind: "sim", Seed: r.config.Seed, Clients: len(r.flights), Parameters: r.problem.Dim(),
		Versions: l.Version(), WallSeconds: (r.wall + time.Since(r.began)).Seconds(), VirtualSeconds: seconds(r.now),
		StoppedBy: stopped, ModelDigest: r.machine.Model.Digest(), Metrics: map[string]record.Metric{}, TimeToTarget: r.tally.Target,
		Updates: record.UpdateCounts{
			Sent: r.tally.Sent, Admitted: counts.Admitted, Committed: counts.Committed, Refused: counts.Refused,
			Duplicate: counts.Duplicate, Late: counts.Late,
		},
		Bytes: record.ByteCounts{
			Up: r.tally.BytesUp, Down: r.tally.BytesDown,
			UpUncompressed: r.tally.Sent * dense, DownUncompressed: r.tally.Downloads * dense,
		},
		Staleness: record.StalenessSummary{
			Mean: age.Mean(), P50: age.Quantile(.5), P95: age.Quantile(.95), Max: int(age.Max), Histogram: age.Trimmed(),
		},
		Feedback: r.feedback(), Bias: r.bias(),
		Time: r.shares(clientTime), Extra: map[string]float64{"events": float64(r.tally.Events)},
	}
	if err != nil {
		s.Error = err.Error()
	}
	for name, series := range r.tally.Metrics {
		s.Metrics[name] = series.Metric()
	}
	return r.attachModel(s)
}

// attachModel adds the model itself, and how far it is from the optimum where that is known.
func (r *run[T]) attachModel(s record.Summary) Result {
	x := r.machine.Model.Newest().X
	if len(x) <= 1000 {
		for _, v := range x {
			s.Theta = append(s.Theta, float64(v))
		}
	}
	if p, ok := any(r.problem).(interface{ Optimum() []float64 }); ok && p.Optimum() != nil {
		sum := 0.0
		for i, v := range p.Optimum() {
			sum += (float64(x[i]) - v) * (float64(x[i]) - v)
		}
		distance := math.Sqrt(sum)
		s.XStarDistance = &distance
	}
	result := Result{Summary: s}
	switch x := any(x).(type) {
	case []float32:
		result.Model32 = x
	case []float64:
		result.Model64 = x
	}
	return result
}

// compresses says whether updates are smaller than they were.
func (r *run[T]) compresses() bool { return r.config.Compress.Kind != "identity" }

// feedback sums up compression; nil in a run without it.
func (r *run[T]) feedback() *record.Feedback {
	if !r.compresses() {
		return nil
	}
	f := &record.Feedback{Returned: r.tally.Returned}
	for i, e := range r.tally.Errors {
		f.ErrorNorm += e / float64(len(r.tally.Errors))
		if r.memory[i] != nil {
			f.EpochsReset += uint64(r.memory[i].Epoch())
		}
	}
	if r.tally.Sent > 0 {
		f.MeasuredDelta = r.tally.Delta / float64(r.tally.Sent)
	}
	return f
}

// bias compares the share that each client had in the model with its share of the data.
func (r *run[T]) bias() record.Bias {
	achieved, target := r.machine.Ledger.Shares()
	committed := r.machine.Ledger.Participation(nil)
	if r.codec.Mean() {
		achieved = meanShares(committed, target)
	}
	b := record.Bias{Classes: r.fleet.Describe(r.cycles, committed, achieved, target)}
	if r.machine.Ledger.Version() > 0 {
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

// shares says what became of all clients' time, those still in flight included.
func (r *run[T]) shares(clientTime float64) record.TimeShares {
	compute, blocked := r.tally.Compute, r.tally.Blocked
	for _, f := range r.flights {
		if f == nil {
			continue
		}
		worked := max(0, min(r.now, f.finished)-f.started)
		compute += worked
		blocked += r.now - f.assigned - worked
	}
	if clientTime == 0 {
		return record.TimeShares{Idle: 1, Overlap: 1}
	}
	t := record.TimeShares{Compute: float64(compute) / clientTime, BlockedOnNetwork: float64(blocked) / clientTime}
	t.Idle = max(0, 1-t.Compute-t.BlockedOnNetwork)
	if blocked == 0 {
		t.Overlap = 1 // nothing was communicated that took time
	}
	return t
}

// denseSize is the bytes of a model or an update in dense frames.
func denseSize[T vec.Float](dim int) int {
	codec, err := compress.NewCodec[T](compress.DefaultConfig(), dim, 0)
	if err != nil {
		return 0 // no run gets here with such a dimension
	}
	return codec.Fragments()*compress.HeaderSize + vec.Size[T]()*dim
}
