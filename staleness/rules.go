package staleness

import "weir/portable"

// Rule is a discount for age.
type Rule interface {
	// Factor is what an update of staleness s is multiplied with: in (0, 1], 1 at s = 0, never rising.
	Factor(s uint64) float64
}

// New returns the rule that c chooses. A limit Max is not part of it: ask TooOld.
func New(c Config) (Rule, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return kinds[c.Kind](c), nil
}

// TooOld reports whether staleness s is past the hard limit, so that the update is decoded but weighs nothing.
func (c Config) TooOld(s uint64) bool { return c.Max > 0 && s > uint64(c.Max) }

type constant struct{}

func (constant) Factor(uint64) float64 { return 1 }

// polynomial is (1+s)^-a (FedAsync, Xie et al. 2019, section 5.2).
type polynomial struct{ a float64 }

func (r polynomial) Factor(s uint64) float64 { return portable.Pow(1+float64(s), -r.a) }

// hinge is 1 up to b and 1/(a(s-b)+1) from there (FedAsync, Xie et al. 2019, section 5.2).
type hinge struct {
	a float64
	b int
}

func (r hinge) Factor(s uint64) float64 {
	if s <= uint64(r.b) {
		return 1
	}
	return 1 / (float64(r.a*float64(s-uint64(r.b))) + 1)
}

// exponential is e^(-a s).
type exponential struct{ a float64 }

func (r exponential) Factor(s uint64) float64 { return portable.Exp(-r.a * float64(s)) }
