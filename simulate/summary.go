package simulate

import (
	"context"
	"errors"
	"time"

	"weir/journal"
)

// result sums the run up, however it ended.
func (r *run[T]) result(err error) Result {
	stopped := r.machine.Ledger.Stopped()
	var diverged *DivergedError
	switch {
	case errors.As(err, &diverged):
		stopped = "diverged"
	case errors.Is(err, context.Canceled):
		stopped = "interrupt"
	case err != nil:
		stopped = "error"
	}
	r.countInFlight()
	s := r.journal.Summary(r.machine.Ledger, journal.Facts{
		Kind: "sim", Config: r.config, Dim: r.problem.Dim(), Now: r.now, Wall: (r.wall + time.Since(r.began)).Seconds(),
		StoppedBy: stopped, Error: err, Digest: r.machine.Model.Digest(), Fleet: r.fleet, Cycles: r.cycles, Epochs: r.epochs(),
	})
	s.Extra = map[string]float64{"events": float64(r.tally.Events)}
	x := r.machine.Model.Newest().X
	var optimum []float64
	if p, ok := any(r.problem).(interface{ Optimum() []float64 }); ok {
		optimum = p.Optimum()
	}
	journal.Model(&s, x, optimum)
	result := Result{Summary: s}
	switch x := any(x).(type) {
	case []float32:
		result.Model32 = x
	case []float64:
		result.Model64 = x
	}
	return result
}

// countInFlight counts the time of the clients that are in flight when the run ends.
func (r *run[T]) countInFlight() {
	for _, p := range r.ahead {
		if f := p.busy; f != nil {
			r.journal.Spent(max(0, min(r.now, f.finished)-f.started), 0)
		} else {
			r.journal.Spent(0, r.blocked(p))
		}
	}
	for _, f := range r.flights {
		if f == nil {
			continue
		}
		worked := max(0, min(r.now, f.finished)-f.started)
		r.journal.Spent(worked, r.now-f.assigned-worked)
	}
}

// epochs is how many feedback epochs were begun anew.
func (r *run[T]) epochs() uint64 {
	n := uint64(0)
	for _, m := range r.memory {
		if m != nil {
			n += uint64(m.Epoch())
		}
	}
	return n
}
