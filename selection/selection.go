package selection

import (
	"fmt"
	"math/rand/v2"
)

// Config chooses who works next.
type Config struct {
	Kind string `yaml:"kind"` // random, all
}

// DefaultConfig draws uniformly.
func DefaultConfig() Config { return Config{Kind: "random"} }

// Selector draws clients.
type Selector interface {
	// Choose moves m of the free clients to the end of free, in the order in which they are to start, and returns
	// that end. It wants 0 <= m <= len(free). Cost: O(m).
	Choose(free []uint32, m int, random *rand.Rand) []uint32
}

var kinds = map[string]Selector{
	"random": uniform{},
	"all":    everyone{},
}

// Kinds are the names that Config.Kind may have.
func Kinds() []string { return []string{"random", "all"} }

// Validate returns the fault of c, beginning with its key.
func (c Config) Validate() error {
	if kinds[c.Kind] == nil {
		return fmt.Errorf("kind: %q: must be one of %v", c.Kind, Kinds())
	}
	return nil
}

// New returns the selector that c chooses.
func New(c Config) (Selector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return kinds[c.Kind], nil
}

// uniform draws without replacement, each free client alike (a Fisher-Yates shuffle that stops after m).
type uniform struct{}

func (uniform) Choose(free []uint32, m int, random *rand.Rand) []uint32 {
	rest := len(free)
	for range m {
		pick := random.IntN(rest)
		rest--
		free[pick], free[rest] = free[rest], free[pick]
	}
	return free[rest:]
}

// everyone takes the free clients as they stand, for runs in which all clients are always at work.
type everyone struct{}

func (everyone) Choose(free []uint32, m int, _ *rand.Rand) []uint32 {
	return free[len(free)-m:]
}
