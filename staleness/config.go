package staleness

import (
	"errors"
	"fmt"
	"math"
)

// Config chooses how much an update counts for its age.
type Config struct {
	Kind string  `yaml:"kind"` // constant, polynomial, hinge, exponential, gap, ess
	A    float64 `yaml:"a"`    // power of polynomial and ess (0.5); rate of hinge (10), exponential (0.1), gap (1/6); 0 means the kind's own default
	B    int     `yaml:"b"`    // hinge: versions of staleness that cost nothing
	Max  int     `yaml:"max"`  // versions past which an update weighs 0; 0 is no limit
}

// DefaultConfig counts every update in full, however old.
func DefaultConfig() Config { return Config{Kind: "constant", B: 4} }

// kinds maps a kind's name to its rule. An A of 0 stands for the kind's default.
var kinds = map[string]func(Config) Rule{
	"constant":    func(Config) Rule { return constant{} },
	"polynomial":  func(c Config) Rule { return polynomial{a: or(c.A, 0.5)} },
	"hinge":       func(c Config) Rule { return hinge{a: or(c.A, 10), b: c.B} },
	"exponential": func(c Config) Rule { return exponential{a: or(c.A, 0.1)} },
	"gap":         func(c Config) Rule { return gap{a: or(c.A, 1./6)} },
	"ess":         func(c Config) Rule { return ess{a: or(c.A, 0.5)} },
}

// Kinds are the names that Config.Kind may have.
func Kinds() []string {
	return []string{"constant", "polynomial", "hinge", "exponential", "gap", "ess"}
}

func or(value, fallback float64) float64 {
	if value == 0 {
		return fallback
	}
	return value
}

// Validate returns every fault of c, each beginning with its key.
func (c Config) Validate() error {
	var faults []error
	if kinds[c.Kind] == nil {
		faults = append(faults, fmt.Errorf("kind: %q: must be one of %v", c.Kind, Kinds()))
	}
	if !(c.A >= 0) || math.IsInf(c.A, 0) {
		faults = append(faults, fmt.Errorf("a: %v: must be a number that is not negative", c.A))
	}
	if c.B < 0 {
		faults = append(faults, fmt.Errorf("b: %d: must not be negative", c.B))
	}
	if c.Max < 0 {
		faults = append(faults, fmt.Errorf("max: %d: must not be negative (0 is no limit)", c.Max))
	}
	return errors.Join(faults...)
}
