package aggregate

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Never is later than every time.
const Never = math.MaxInt64

// Config chooses a policy. Times are nanoseconds.
type Config struct {
	Kind      string  // fedavg, fedasync, fedbuff, fedfix, co2
	Window    int64   // fedfix: time between commits; 0 is the median of the cycle times, known when the run starts or not
	Deadline  int64   // fedavg, co2: how long a round waits for stragglers; 0 is for ever
	Size      int     // fedbuff: updates a window, K
	Alpha     float64 // fedasync: mixing weight
	Weights   string  // share, identical, unbiased, score, block
	WeightCap float64 // unbiased: bound on d_i/p_i as a multiple of its median over the clients
}

// Closing says when a window closes. The ledger asks after every arrival and at every time that Due named.
type Closing interface {
	// Rounds reports whether clients are chosen together when a window opens, instead of one by one as slots free.
	Rounds() bool
	// Full reports whether a window closes because of what has arrived; awaited counts the window's clients that may
	// still answer.
	Full(arrived, awaited int) bool
	// Due is when a window that opened at opened closes by the clock, in a run that began at 0, or Never.
	Due(opened int64) int64
	// Gain multiplies every update: fedasync's alpha, 1 elsewhere.
	Gain() float64
	// Quota is K when the rule divides by a fixed number of updates, else 0.
	Quota() int
	// Participation fills each[i] with the expected number of times that client i is in a window, from the law of the
	// population, and reports whether that is exact or only where an estimate starts from.
	Participation(each []float64, p Population) (exact bool)
}

var kinds = map[string]func(Config) Closing{
	"fedavg":   func(c Config) Closing { return fedavg{deadline: c.Deadline} },
	"fedasync": func(c Config) Closing { return fedasync{alpha: c.Alpha} },
	"fedbuff":  func(c Config) Closing { return fedbuff{size: c.Size} },
	"fedfix":   func(c Config) Closing { return fedfix{window: c.Window} },
	"co2":      func(c Config) Closing { return co2{fedavg{deadline: c.Deadline}} },
}

var weightings = []string{"share", "identical", "unbiased", "score", "block"}

// Kinds are the names that Config.Kind may have.
func Kinds() []string { return []string{"fedavg", "fedasync", "fedbuff", "fedfix", "co2"} }

// Weightings are the names that Config.Weights may have.
func Weightings() []string { return slices.Clone(weightings) }

// Validate returns every fault of c, each beginning with its key.
func (c Config) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(kinds[c.Kind] == nil, "kind: %q: must be one of %v", c.Kind, Kinds())
	fault(!slices.Contains(weightings, c.Weights), "weights: %q: must be one of %v", c.Weights, weightings)
	fault(c.Kind == "fedfix" && c.Window < 0, "window: must not be negative")
	fault(c.Kind == "fedbuff" && c.Size < 1, "size: %d: must be at least 1", c.Size)
	fault(c.Kind == "fedasync" && !(c.Alpha > 0 && c.Alpha <= 1e6), "alpha: %v: must be above 0", c.Alpha)
	fault(c.Deadline < 0, "deadline: must not be negative")
	fault(c.Weights == "unbiased" && !(c.WeightCap >= 1), "weight_cap: %v: must be at least 1", c.WeightCap)
	return errors.Join(faults...)
}

// New returns the closing rule that c chooses.
func New(c Config) (Closing, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return kinds[c.Kind](c), nil
}
