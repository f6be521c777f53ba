package aggregate

import (
	"fmt"
	"strconv"
)

// Phi bounds an outer momentum: a number above 0, or 0 for relative.
type Phi float64

func (p Phi) String() string {
	if p == 0 {
		return "relative"
	}
	return strconv.FormatFloat(float64(p), 'g', -1, 64)
}

// MarshalText writes the bound as UnmarshalText reads it.
func (p Phi) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a number or the word relative.
func (p *Phi) UnmarshalText(b []byte) error {
	if string(b) == "relative" {
		*p = 0
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(v > 0 && v <= 1e30) {
		return fmt.Errorf("must be a number above 0, or relative")
	}
	*p = Phi(v)
	return nil
}
