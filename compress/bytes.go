package compress

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory, written 500MB or 2GB.
type Bytes int64

var byteUnits = []struct {
	suffix string
	factor float64
}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

func (b Bytes) String() string {
	for _, u := range byteUnits {
		if float64(b) >= u.factor {
			return strconv.FormatFloat(float64(b)/u.factor, 'g', -1, 64) + u.suffix
		}
	}
	return "0B"
}

// MarshalText writes the amount as UnmarshalText reads it.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a number and a unit of B, kB, MB, GB or TB.
func (b *Bytes) UnmarshalText(text []byte) error {
	for _, u := range byteUnits {
		number, found := strings.CutSuffix(string(text), u.suffix)
		if !found {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v >= 0) || v*u.factor > math.MaxInt64/2 {
			break
		}
		*b = Bytes(v * u.factor)
		return nil
	}
	return fmt.Errorf("must be an amount of memory such as 500MB or 2GB")
}
