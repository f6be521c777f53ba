package ledger

import (
	"errors"
	"fmt"
	"math"

	"weir/aggregate"
	"weir/selection"
	"weir/staleness"
)

// Config is everything that decisions depend on besides the commands.
type Config struct {
	Seed        uint64
	Concurrency int // clients at work at the same time, at least 1
	Dropouts    bool
	Aggregate   aggregate.Config
	Staleness   staleness.Config
	Selection   selection.Config
	Stop        Bounds
}

// Bounds end a run, whichever is reached first. A zero is no bound.
type Bounds struct {
	Versions uint64
	Time     int64 // nanoseconds
	Target   *Target
}

// Target is reached when the mean of the last TargetMean measures is Value or better.
type Target struct {
	Value   float64
	Smaller bool // smaller is better, as for a loss
}

// TargetMean is how many evaluations a stop target is judged by: single rounds swing by points (ALGORITHMS.md 7).
const TargetMean = 5

// Validate returns every fault of c, each beginning with its key.
func (c Config) Validate() error {
	var faults []error
	if c.Concurrency < 1 {
		faults = append(faults, fmt.Errorf("concurrency: %d: must be at least 1", c.Concurrency))
	}
	if c.Stop.Time < 0 || c.Stop.Target != nil && (math.IsNaN(c.Stop.Target.Value) || math.IsInf(c.Stop.Target.Value, 0)) {
		faults = append(faults, errors.New("stop: a bound must be a number that is not negative"))
	}
	return errors.Join(append(faults, c.Aggregate.Validate(), c.Staleness.Validate(), c.Selection.Validate())...)
}
