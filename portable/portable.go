// Package portable has the elementary functions whose results enter replicated state.
//
// math.Exp takes another path on processors with FMA, and math.Log and math.Pow are compiled with fused multiply-adds
// under GOAMD64=v3, so two nodes could disagree in the last bit. Here every product is rounded by an explicit
// conversion, which the language forbids to fuse, and the results are equal on every build. Accuracy: a few units in
// the last place.
package portable

import "math"

// log2 split in two, so that k*ln2High is exact for |k| < 2^20 (Cody and Waite 1980).
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// Exp returns e^x.
func Exp(x float64) float64 {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1):
		return x
	case x > 709.78:
		return math.Inf(1)
	case x < -745.2:
		return 0
	}
	k := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	r := x - float64(k*ln2High)
	r -= float64(k * ln2Low)
	// |r| <= ln(2)/2: the Taylor series to r^13/13! is exact to the last place.
	sum := factorials[0]
	for _, c := range factorials[1:] {
		sum = c + float64(r*sum)
	}
	if k < -1022 || k > 1023 {
		return math.Ldexp(sum, int(k))
	}
	return float64(sum * math.Float64frombits(uint64(int(k)+1023)<<52)) // times 2^k, exactly
}

// factorials are 1/n!, from n = 13 down to 0.
var factorials = [...]float64{
	1. / 6227020800, 1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320, 1. / 5040, 1. / 720, 1. / 120,
	1. / 24, 1. / 6, 1. / 2, 1, 1,
}

// Log returns the natural logarithm of x: -Inf at 0, NaN below.
func Log(x float64) float64 {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	f, k := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		k--
	}
	// log f = 2 artanh(s) with s = (f-1)/(f+1), |s| <= 0.172: terms up to s^25 suffice.
	s := (f - 1) / (f + 1)
	square := float64(s * s)
	sum := 0.0
	for _, c := range odds {
		sum = float64(square*sum) + c
	}
	return float64(float64(k)*ln2High) + (float64(2*float64(s*sum)) + float64(float64(k)*ln2Low))
}

// odds are 1/n, for n = 25 down to 1 in steps of 2.
var odds = [...]float64{1. / 25, 1. / 23, 1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}

// Pow returns x^y for x > 0. Whole and half powers up to 64 come from products and roots alone, so that 4^-0.5 is
// exactly 0.5.
func Pow(x, y float64) float64 {
	doubled := float64(2 * y)
	if doubled != math.Trunc(doubled) || math.Abs(y) > 64 {
		return Exp(float64(y * Log(x)))
	}
	n := int(math.Abs(doubled))
	result := 1.0
	if n%2 == 1 {
		result = math.Sqrt(x)
	}
	for range n / 2 {
		result = float64(result * x)
	}
	if y < 0 {
		return 1 / result
	}
	return result
}
