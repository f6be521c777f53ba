package staleness

import "weir/portable"

// Rule is a discount for age.
type Rule interface {
	// Factor is what an update is multiplied with: in (0, 1], 1 for a fresh one, never rising with its age.
	Factor(a Age) float64
	// Rate is what the outer learning rate is multiplied with, in (0, 1], for the weights of a window of n updates:
	// their sum and the sum of their squares.
	Rate(n int, sum, squares float64) float64
}

// Age is how old an update is.
type Age struct {
	Versions uint64  // s: committed between its base and its arrival
	Gap      float64 // how far they moved the model, in steps of the usual length: see Path
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

func (constant) Factor(Age) float64                 { return 1 }
func (constant) Rate(int, float64, float64) float64 { return 1 }

// polynomial is (1+s)^-a (FedAsync, Xie et al. 2019, section 5.2).
type polynomial struct {
	constant
	a float64
}

func (r polynomial) Factor(a Age) float64 { return portable.Pow(1+float64(a.Versions), -r.a) }

// hinge is 1 up to b and 1/(a(s-b)+1) from there (FedAsync, Xie et al. 2019, section 5.2).
type hinge struct {
	constant
	a float64
	b int
}

func (r hinge) Factor(a Age) float64 {
	s := a.Versions
	if s <= uint64(r.b) {
		return 1
	}
	return 1 / (float64(r.a*float64(s-uint64(r.b))) + 1)
}

// exponential is e^(-a s).
type exponential struct {
	constant
	a float64
}

func (r exponential) Factor(a Age) float64 { return portable.Exp(-r.a * float64(a.Versions)) }

// gap is 1/Lambda, CO2's staleness-gap penalty (arXiv 2401.16265) as a weight: Lambda = 1 + a Gap. An update from a
// model that has hardly moved since counts almost in full, however many versions old it is. CO2's scale, 6 times the
// running rms of a step, is an a of 1/6: while all steps are equally long Lambda is then 1 + s/6.
type gap struct {
	constant
	a float64
}

func (r gap) Factor(a Age) float64 { return 1 / (1 + float64(r.a*a.Gap)) }

// ess leaves every update its weight and lowers the outer rate when few of a window's weights make up most of their
// sum: by the a-th power of the effective sample size over the window's own (VCPO, arXiv 2602.17616, with a = 1/2; 1 is
// linear).
type ess struct {
	constant
	a float64
}

func (r ess) Rate(n int, sum, squares float64) float64 {
	size := EffectiveSampleSize(sum, squares)
	if !(size > 0) {
		return 1 // a window without weight moves nothing
	}
	return portable.Pow(min(1, size/float64(n)), r.a)
}

// EffectiveSampleSize is (sum w)^2 / sum w^2: how many equal weights would make as even a mean. It is at least 1, and the
// number of the weights when all are the same. Of no weights it is 0.
func EffectiveSampleSize(sum, squares float64) float64 {
	if squares == 0 {
		return 0
	}
	return float64(sum*sum) / squares
}
