package simulate

import (
	"math"
	"time"

	"weir/ledger"
	"weir/problem"
	"weir/record"
)

// tally is what a run counts beyond the ledger. It is part of a checkpoint, hence the exported fields.
type tally struct {
	Events    uint64 // that the loop has handled, ticks included
	Sent      uint64
	BytesUp   uint64
	BytesDown uint64
	Downloads uint64
	Published []uint64  // by version: bytes of the frames of all versions up to it
	Returned  uint64    // updates that went back into their client's memory
	Delta     float64   // sum of the measured contractions of updates that arrived
	Errors    []float64 // by client: ||e|| after its last update; empty in a run without compression
	Compute   int64     // client time in nanoseconds
	Blocked   int64
	Metrics   map[string]*record.Series
	Latest    problem.Metrics
	Target    *record.TimeToTarget
	Last      *record.VersionRow // not yet recorded: it may still be evaluated, if the run ends with it
	Versions  int                // rows recorded
	Updates   int
}

// note records an update that arrived; one that was admitted only when its window closes and its weight is final.
func (r *run[T]) note(f *flight[T], d *ledger.Decision) error {
	if r.opt.Rows == nil {
		return nil
	}
	row := record.UpdateRow{
		Client: int(f.client), Seq: f.seq, Base: f.base.Number,
		Assigned: seconds(f.assigned), Started: seconds(f.started), Finished: seconds(f.finished), Arrived: seconds(r.now),
		Verdict: d.Verdict.String(), Reason: d.Reason.String(), Staleness: int(d.Staleness),
		Loss: f.report.Loss, Norm: f.stats.Norm, Samples: f.report.Samples, Steps: f.report.Steps,
		BytesUp: len(f.update), BytesDown: f.downloaded,
		Contraction: f.stats.Contraction, ErrorNorm: f.stats.ErrorNorm, Eta: f.stats.Eta,
	}
	if d.Verdict == ledger.Admitted {
		r.pending = append(r.pending, row)
		return nil
	}
	r.tally.Updates++
	return r.opt.Rows.Update(row)
}

// version records a version: the initial model when c is nil, else what c committed.
func (r *run[T]) version(c *ledger.Commit, metrics problem.Metrics) error {
	row := record.VersionRow{
		Time: seconds(r.now), Wall: (r.wall + time.Since(r.began)).Seconds(), TrainLoss: math.NaN(),
		Contraction: math.NaN(), ErrorNorm: math.NaN(),
		BytesUp: r.tally.BytesUp, BytesDown: r.tally.BytesDown, Metrics: metrics,
	}
	if c != nil {
		describe(&row, c)
	}
	r.measured(row.Version, metrics)
	if err := r.write(c, row); err != nil {
		return err
	}
	if r.opt.Progress != nil {
		row.Metrics = r.tally.Latest
		r.opt.Progress(Progress{Row: row, Done: r.done()})
	}
	return nil
}

// measured takes an evaluation into the summary.
func (r *run[T]) measured(version uint64, metrics problem.Metrics) {
	for _, m := range metrics {
		series := r.tally.Metrics[m.Name]
		if series == nil {
			series = &record.Series{Larger: problem.LargerIsBetter(m.Name)}
			r.tally.Metrics[m.Name] = series
		}
		series.Add(version, m.Value)
	}
	if metrics != nil {
		r.tally.Latest = metrics
	}
}

// finish evaluates the model that the run ended with, if that was not done.
func (r *run[T]) finish() error {
	last := r.tally.Last
	if last == nil || last.Metrics != nil {
		return nil
	}
	last.Metrics = r.evaluate(r.machine.Model.Newest())
	r.measured(last.Version, last.Metrics)
	if !finite(last.Metrics) {
		return &DivergedError{Version: last.Version - 1, Client: -1}
	}
	return nil
}

func finite(metrics problem.Metrics) bool {
	for _, m := range metrics {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			return false
		}
	}
	return true
}

// flush records the last version.
func (r *run[T]) flush() error {
	last := r.tally.Last
	if last == nil || r.opt.Rows == nil {
		return nil
	}
	r.tally.Last = nil
	r.tally.Versions++
	return r.opt.Rows.Version(*last)
}

// describe fills in what a commit says of its version.
func describe(row *record.VersionRow, c *ledger.Commit) {
	row.Version = c.Version
	row.Updates = len(c.Updates)
	n := float64(len(c.Updates))
	row.TrainLoss = 0
	for _, e := range c.Updates {
		row.Weight += c.Scale * e.Weight
		row.StalenessMean += float64(e.Staleness) / n
		row.StalenessMax = max(row.StalenessMax, int(e.Staleness))
		row.TrainLoss += e.Loss / n
	}
}

// write records the updates of a version, and the version before it.
func (r *run[T]) write(c *ledger.Commit, row record.VersionRow) error {
	if err := r.flush(); err != nil {
		return err
	}
	r.tally.Last = &row
	if r.opt.Rows == nil || c == nil {
		return nil
	}
	if r.compresses() {
		row.Contraction, row.ErrorNorm = 0, 0
		for _, u := range r.pending {
			row.Contraction += u.Contraction / float64(len(r.pending))
			row.ErrorNorm += u.ErrorNorm / float64(len(r.pending))
		}
	}
	for i, e := range c.Updates {
		update := r.pending[i]
		update.Version, update.Weight = c.Version, c.Scale*e.Weight
		r.tally.Updates++
		if err := r.opt.Rows.Update(update); err != nil {
			return err
		}
	}
	r.pending = r.pending[:0]
	return nil
}

// done is how much of the run is over, by the nearest of its bounds.
func (r *run[T]) done() float64 {
	fraction := 0.0
	if bound := r.config.Stop.Versions; bound > 0 {
		fraction = float64(r.machine.Ledger.Version()) / float64(bound)
	}
	if bound := r.config.Stop.Time; bound > 0 {
		fraction = max(fraction, seconds(r.now)/bound.Seconds())
	}
	return min(1, fraction)
}
