package compress

import (
	"fmt"
	"strconv"
)

// Eta is econtrol's step for the error memory: a number in (0, 1], or 0 for auto.
type Eta float64

func (e Eta) String() string {
	if e == 0 {
		return "auto"
	}
	return strconv.FormatFloat(float64(e), 'g', -1, 64)
}

// MarshalText writes the step as UnmarshalText reads it.
func (e Eta) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads a number or the word auto.
func (e *Eta) UnmarshalText(b []byte) error {
	if string(b) == "auto" {
		*e = 0
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(v > 0 && v <= 1) {
		return fmt.Errorf("must be a number in (0, 1], or auto")
	}
	*e = Eta(v)
	return nil
}
