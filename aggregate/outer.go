package aggregate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"weir/vec"
)

// OuterConfig chooses the server's optimiser.
type OuterConfig struct {
	Kind     string  `yaml:"kind"` // sgd, nesterov, adam, co2
	LR       float64 `yaml:"lr"`
	Momentum float64 `yaml:"momentum"` // nesterov, co2
	Beta1    float64 `yaml:"beta1"`    // adam
	Beta2    float64 `yaml:"beta2"`    // adam
	Epsilon  float64 `yaml:"epsilon"`  // adam
	Penalty  string  `yaml:"penalty"`  // co2, for the staleness gap: constant, gap-elementwise, gap-norm
	Clip     string  `yaml:"clip"`     // co2: elementwise, norm, none
	Phi      Phi     `yaml:"phi"`      // co2: where the momentum is clipped
}

// DefaultOuterConfig is plain averaging: the aggregate is applied as it is.
func DefaultOuterConfig() OuterConfig {
	return OuterConfig{Kind: "sgd", LR: 1, Penalty: "gap-norm", Clip: "elementwise"}
}

// OuterKinds are the names that OuterConfig.Kind may have.
func OuterKinds() []string { return []string{"sgd", "nesterov", "adam", "co2"} }

// Penalties are the names that OuterConfig.Penalty may have.
func Penalties() []string { return []string{"constant", "gap-elementwise", "gap-norm"} }

// Clips are the names that OuterConfig.Clip may have.
func Clips() []string { return []string{"elementwise", "norm", "none"} }

// Validate returns every fault of c, each beginning with its key.
func (c OuterConfig) Validate() error {
	var faults []error
	if !slices.Contains(OuterKinds(), c.Kind) {
		faults = append(faults, fmt.Errorf("kind: %q: must be one of %v", c.Kind, OuterKinds()))
	}
	if !(c.LR > 0) || math.IsInf(c.LR, 0) {
		faults = append(faults, fmt.Errorf("lr: %v: must be above 0", c.LR))
	}
	for _, v := range []struct {
		key   string
		value float64
	}{{"momentum", c.Momentum}, {"beta1", c.Beta1}, {"beta2", c.Beta2}} {
		if !(v.value >= 0 && v.value < 1) {
			faults = append(faults, fmt.Errorf("%s: %v: must be in [0, 1)", v.key, v.value))
		}
	}
	if c.Kind == "adam" && !(c.Epsilon > 0) {
		faults = append(faults, fmt.Errorf("epsilon: %v: must be above 0", c.Epsilon))
	}
	if c.Kind == "co2" {
		if !slices.Contains(Penalties(), c.Penalty) {
			faults = append(faults, fmt.Errorf("penalty: %q: must be one of %v", c.Penalty, Penalties()))
		}
		if !slices.Contains(Clips(), c.Clip) {
			faults = append(faults, fmt.Errorf("clip: %q: must be one of %v", c.Clip, Clips()))
		}
		if !(c.Phi >= 0) || math.IsInf(float64(c.Phi), 0) {
			faults = append(faults, fmt.Errorf("phi: %v: must be a number above 0, or relative", c.Phi))
		}
	}
	return errors.Join(faults...)
}

// Outer is the server's optimiser on a vector of d parameters. Every product is rounded by a conversion before it is
// added, which forbids fusing: the result is the same on every build.
type Outer[T vec.Float] struct {
	kind  string
	lr    T
	mu    T // nesterov, co2
	beta1 T
	beta2 T
	eps   T

	penalty, clip string  // co2
	phi           float64 // co2; 0 is relative
	delayed       delayed // co2

	Momentum []T // nesterov b, adam and co2 m; empty for sgd
	Second   []T // adam v
}

// NewOuter returns the optimiser that c chooses, for d parameters.
func NewOuter[T vec.Float](c OuterConfig, d int) (*Outer[T], error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o := &Outer[T]{kind: c.Kind, lr: T(c.LR), mu: T(c.Momentum), beta1: T(c.Beta1), beta2: T(c.Beta2), eps: T(c.Epsilon)}
	o.penalty, o.clip, o.phi = c.Penalty, c.Clip, float64(c.Phi)
	if c.Kind != "sgd" {
		o.Momentum = make([]T, d)
	}
	if c.Kind == "adam" {
		o.Second = make([]T, d)
	}
	return o, nil
}

// Step writes x - outer(scale*sum) into next, for the window's weighted sum, with rate times the configured learning
// rate, and clears sum. next may be x.
func (o *Outer[T]) Step(next, x, sum []T, scale, rate T) {
	lr := T(o.lr * rate)
	switch o.kind {
	case "sgd":
		vec.Step(next, x, o.Plain(scale, rate), sum)
	case "nesterov":
		o.nesterov(next, x, sum, scale, lr)
		clear(sum)
	case "adam":
		o.adam(next, x, sum, scale, lr)
		clear(sum)
	case "co2":
		o.co2(next, x, sum, scale, rate)
	}
}

// Plain is what sgd multiplies the sum by before it takes it from x.
func (o *Outer[T]) Plain(scale, rate T) T { return T(T(o.lr*rate) * scale) }

// nesterov is DiLoCo's outer step (Douillard et al. 2023): b = mu b + g, x -= lr (g + mu b). A b of 0 before the
// first step makes that b = g.
func (o *Outer[T]) nesterov(next, x, sum []T, scale, lr T) {
	for i, s := range sum {
		g := T(scale * s)
		b := T(o.mu*o.Momentum[i]) + g
		o.Momentum[i] = b
		next[i] = x[i] - T(lr*(g+T(o.mu*b)))
	}
}

// adam is FedAdam (Reddi et al. 2021, algorithm 2), without bias correction as published.
func (o *Outer[T]) adam(next, x, sum []T, scale, lr T) {
	for i, s := range sum {
		g := T(scale * s)
		m := T(o.beta1*o.Momentum[i]) + T((1-o.beta1)*g)
		v := T(o.beta2*o.Second[i]) + T((1-o.beta2)*T(g*g))
		o.Momentum[i], o.Second[i] = m, v
		// The root of a float32 taken in float64 and rounded is the correctly rounded root.
		next[i] = x[i] - T(lr*m)/(T(math.Sqrt(float64(v)))+o.eps)
	}
}
