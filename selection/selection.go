package selection

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Config chooses who works next.
type Config struct {
	Kind        string  `yaml:"kind"`        // random, all, size, powerofchoice, oort, heteroselect
	Candidates  int     `yaml:"candidates"`  // powerofchoice: candidates for every client that is chosen
	Penalty     float64 `yaml:"penalty"`     // oort: power of preferred/duration for clients slower than preferred
	Blacklist   int     `yaml:"blacklist"`   // oort: a client chosen more often than this stands back; 0 is no list
	Weights     Weights `yaml:"weights"`     // heteroselect: of its components
	Combine     string  `yaml:"combine"`     // heteroselect: additive, multiplicative
	Value       string  `yaml:"value"`       // heteroselect: loss, size-rms
	Temperature float64 `yaml:"temperature"` // heteroselect: of the softmax, at the beginning; half of it at the end
	// AdaptDensity lets heteroselect's score choose how much of its update a client sends, up to compress.density.
	AdaptDensity bool `yaml:"adapt_density"`
}

// Weights are those of heteroselect's components.
type Weights struct {
	Value     float64 `yaml:"value"`
	Diversity float64 `yaml:"diversity"`
	Fairness  float64 `yaml:"fairness"`
	Staleness float64 `yaml:"staleness"`
	Speed     float64 `yaml:"speed"`
}

// DefaultConfig draws uniformly; the other kinds' settings are their defaults. Those of heteroselect are the published ones
// but for value and temperature, which were chosen on validation data (docs/selection.md).
func DefaultConfig() Config {
	return Config{
		Kind: "random", Candidates: 2, Penalty: 2,
		Weights: Weights{Value: 1, Diversity: 0.3, Fairness: 0.2, Staleness: 0.2}, Combine: "additive", Value: "size-rms", Temperature: 0.1,
	}
}

// Unknown is what stands for a figure that there is none of.
func Unknown() float64 { return math.NaN() }

// Client is what is known of a client.
type Client struct {
	Samples  float64 // n_k: how much data it holds
	Chosen   uint64  // how often it was given work
	Last     uint64  // round in which it was last given work, from 1; 0 for never
	Loss     float64 // mean loss over the samples of its last round; unknown before it was heard
	RMS      float64 // root of the mean square of these losses
	Cosine   float64 // between its last update and the direction in which the model moved before
	Duration float64 // seconds from its last assignment to its update's arrival
}

// Reward is Oort's statistical utility |B| sqrt(mean loss^2); unknown before the client was heard.
func (c *Client) Reward() float64 { return float64(c.Samples * c.RMS) }

// Situation is what is known when clients are chosen.
type Situation struct {
	Round    uint64   // number of the version that they will help to make, from 1
	Progress float64  // how much of the run is over: t/T, or 0 while nobody knows T
	Clients  []Client // by number; nil for a selector that is not Informed
	Pace     Pace
}

// Choice is why a client was chosen.
type Choice struct {
	Score       float64 // by which clients compete; 1 for all where chance alone decides
	Probability float64 // of being the first to be drawn; unknown where it is not by one draw (oort, powerofchoice)
	Components  Components
	Density     float64 // share of its update that the client is to send; 0 is as configured
}

// Components of heteroselect's score, in the order of Names; unknown for other kinds.
type Components [5]float64

// The components.
const (
	Value = iota
	Diversity
	Fairness
	Staleness
	Speed
)

// Names are the components' names.
func Names() []string { return []string{"value", "diversity", "fairness", "staleness", "speed"} }

// Selector draws clients. It keeps no state but scratch memory.
type Selector interface {
	// Choose moves m of the free clients, or all if there are fewer, to the end of free, in the order in which they are to
	// start, and returns for each of them why. What it returns is valid until the next call.
	Choose(s Situation, free []uint32, m int, random *rand.Rand) []Choice
}

var kinds = map[string]func(Config) Selector{
	"random":        func(Config) Selector { return &uniform{} },
	"all":           func(Config) Selector { return &everyone{} },
	"size":          func(Config) Selector { return &bySize{} },
	"powerofchoice": func(c Config) Selector { return &powerOfChoice{candidates: c.Candidates} },
	"oort":          func(c Config) Selector { return &oort{penalty: c.Penalty, blacklist: uint64(c.Blacklist)} },
	"heteroselect":  func(c Config) Selector { return &heteroSelect{Config: c} },
}

// Kinds are the names that Config.Kind may have.
func Kinds() []string {
	return []string{"random", "all", "size", "powerofchoice", "oort", "heteroselect"}
}

// Informed reports whether clients are chosen by what is known of them. Only then need it be kept.
func (c Config) Informed() bool { return c.Kind != "random" && c.Kind != "all" }

// Directed reports whether clients are to send the cosine of their updates.
func (c Config) Directed() bool { return c.Kind == "heteroselect" && c.Weights.Diversity > 0 }

// minTemperature keeps every probability above 0: e^(-1/.005) is the least weight that a client can have at the end.
const minTemperature = 0.01

// Validate returns every fault of c, each beginning with its key.
func (c Config) Validate() error {
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	want(kinds[c.Kind] != nil, "kind: %q: must be one of %v", c.Kind, Kinds())
	switch c.Kind {
	case "powerofchoice":
		want(c.Candidates >= 1 && c.Candidates <= 1<<20, "candidates: %v: must be at least 1", c.Candidates)
	case "oort":
		want(c.Penalty >= 0 && c.Penalty <= 64, "penalty: %v: must be from 0 to 64", c.Penalty)
		want(c.Blacklist >= 0, "blacklist: %v: must be 0 (no list) or more", c.Blacklist)
	case "heteroselect":
		sum := 0.0
		for i, w := range c.Weights.list() {
			want(w >= 0 && w <= 1e6, "weights.%s: %v: must be from 0 to 1000000", Names()[i], w)
			sum += w
		}
		want(sum > 0, "weights: must not all be 0")
		want(slices.Contains([]string{"additive", "multiplicative"}, c.Combine), "combine: %q: must be additive or multiplicative", c.Combine)
		want(slices.Contains([]string{"loss", "size-rms"}, c.Value), "value: %q: must be loss or size-rms", c.Value)
		want(c.Temperature >= minTemperature && c.Temperature <= 1e6, "temperature: %v: must be at least %v", c.Temperature, minTemperature)
	}
	want(!c.AdaptDensity || c.Kind == "heteroselect", "adapt_density: %v: only heteroselect has the scores for it", c.AdaptDensity)
	return errors.Join(faults...)
}

func (w Weights) list() [5]float64 {
	return [5]float64{w.Value, w.Diversity, w.Fairness, w.Staleness, w.Speed}
}

// New returns the selector that c chooses.
func New(c Config) (Selector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return kinds[c.Kind](c), nil
}

func finite(v float64) bool { return v-v == 0 }
