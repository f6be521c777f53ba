package simulate

import (
	"math"
	"time"

	"weir/journal"
	"weir/ledger"
	"weir/problem"
	"weir/record"
)

// tally is what the loop itself counts. It is part of a checkpoint, hence the exported fields.
type tally struct {
	Events    uint64   // that the loop has handled, ticks included
	Published []uint64 // by version: bytes of the frames of all versions up to it
}

// arrived is the row of an update that arrived.
func (r *run[T]) arrived(f *flight[T], d *ledger.Decision) record.UpdateRow {
	return record.UpdateRow{
		Client: int(f.client), Seq: f.seq, Base: f.base.Number,
		Assigned: seconds(f.assigned), Started: seconds(f.started), Finished: seconds(f.finished), Arrived: seconds(f.arrives),
		Reason: d.Reason.String(), Staleness: int(d.Staleness),
		Loss: f.report.Loss, Norm: f.stats.Norm, Samples: f.report.Samples, Steps: f.report.Steps,
		BytesUp: len(f.update), BytesDown: f.downloaded,
		Contraction: f.stats.Contraction, ErrorNorm: f.stats.ErrorNorm, Eta: f.stats.Eta,
		Score: d.Choice.Score, Probability: d.Choice.Probability, Components: d.Choice.Components, Density: d.Choice.Density,
	}
}

// version records a version: the initial model when c is nil, else what c committed.
func (r *run[T]) version(c *ledger.Commit, metrics problem.Metrics) error {
	row, err := r.journal.Version(c, seconds(r.now), (r.wall + time.Since(r.began)).Seconds(), false)
	if err == nil && metrics != nil {
		err = r.journal.Measured(row.Version, metrics)
	}
	if err == nil && r.opt.Progress != nil {
		row.Metrics = r.journal.Latest
		r.opt.Progress(Progress{Row: row, Done: journal.Done(r.config, r.machine.Ledger.Version(), r.now)})
	}
	return err
}

// finish evaluates the model that the run ended with, if that was not done.
func (r *run[T]) finish() error {
	last := r.journal.Newest()
	if last == nil || last.Metrics != nil {
		return nil
	}
	metrics := r.evaluate(r.machine.Model.Newest())
	if err := r.journal.Measured(last.Version, metrics); err != nil {
		return err
	}
	if !finite(metrics) {
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
