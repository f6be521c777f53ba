package config

import "fmt"

// bound is what the outer momentum and rate of a delayed run may add up to. Along a direction in which a round of local
// work contracts by a, in (0, 1], the iteration z^2 - (1 + beta) z + (beta + lr a) = 0 is stable when beta + lr a < 1;
// stiff directions have an a near 1.
const bound = 0.9

// slow is the least that lr/(1 - beta), the step that a steady direction gets, is without a warning: below it a run is
// stable and more than a point behind plain averaging, whether it waits or not (docs/co2.md).
const slow = 0.8

// Warnings are what is allowed and likely to disappoint, each an *Error at the place where it was written.
func (c Config) Warnings() []error {
	var all []error
	warn := func(key, format string, args ...any) { all = append(all, c.Fault(key, format, args...)) }
	beta, lr := c.Outer.Momentum, c.Outer.LR
	if c.Outer.Kind == "sgd" {
		beta = 0
	}
	delayed := c.Local.Pipeline > 0 && c.Local.Start == "newest" && (c.Outer.Kind == "co2" || c.Outer.Kind == "sgd")
	if delayed && beta+lr > bound+1e-9 {
		warn("outer.lr", "momentum + lr is %s: a run that is one round behind is stable up to %s or so (try lr 0.7, momentum 0.2, or local.start predicted)",
			figure(beta+lr), figure(bound))
	}
	if step := lr / (1 - beta); c.Outer.Kind == "co2" && step < slow-1e-9 {
		warn("outer.lr", "lr/(1 - momentum) is %s: a steady direction moves at that share of the pace of averaging (lr %s with this momentum is level)",
			figure(step), figure(1-beta))
	}
	return all
}

func figure(v float64) string { return fmt.Sprintf("%.3g", v) }
