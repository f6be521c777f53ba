package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written as Go writes them: 1.5s, 40ms, 2h.
type Duration time.Duration

// Seconds is the span in seconds.
func (d Duration) Seconds() float64 { return time.Duration(d).Seconds() }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the span as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 1.5s, 40ms, 2h, or 0.
func (d *Duration) UnmarshalText(b []byte) error {
	if string(b) == "0" {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("must be a duration such as 500ms, 30s or 2h")
	}
	if v < 0 {
		return fmt.Errorf("must not be negative")
	}
	*d = Duration(v)
	return nil
}

// Window is the time between commits: a duration, or the median of the clients' cycle times.
type Window struct {
	Time   Duration
	Median bool
}

func (w Window) String() string {
	if w.Median {
		return "median"
	}
	return w.Time.String()
}

// MarshalText writes the window as UnmarshalText reads it.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads a duration or the word median.
func (w *Window) UnmarshalText(b []byte) error {
	if string(b) == "median" {
		*w = Window{Median: true}
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(b); err != nil {
		return fmt.Errorf("must be a duration such as 30s, or median (of the clients' cycle times)")
	}
	*w = Window{Time: d}
	return nil
}

// Rate is a bandwidth in bits a second, written 10Mbit, 1.5Gbit, 56kbit. 0 is unlimited.
type Rate float64

var rateUnits = []struct {
	suffix string
	factor float64
}{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}

func (r Rate) String() string {
	if r == 0 {
		return "0"
	}
	for _, u := range rateUnits {
		if float64(r) >= u.factor {
			return strconv.FormatFloat(float64(r)/u.factor, 'g', -1, 64) + u.suffix
		}
	}
	return strconv.FormatFloat(float64(r), 'g', -1, 64) + "bit"
}

// MarshalText writes the rate as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads 10Mbit, 1.5Gbit, 56kbit, or 0 for unlimited.
func (r *Rate) UnmarshalText(b []byte) error {
	s := string(b)
	if s == "0" {
		*r = 0
		return nil
	}
	for _, u := range rateUnits {
		number, found := strings.CutSuffix(s, u.suffix)
		if !found {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			break
		}
		*r = Rate(v * u.factor)
		return nil
	}
	return fmt.Errorf("must be a bandwidth in bits a second such as 10Mbit or 1Gbit, or 0 for unlimited")
}

// Batch is the number of samples a step; 0 stands for full, all of a client's data.
type Batch int

func (b Batch) String() string {
	if b == 0 {
		return "full"
	}
	return strconv.Itoa(int(b))
}

// MarshalText writes the batch as UnmarshalText reads it.
func (b Batch) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a positive whole number or the word full.
func (b *Batch) UnmarshalText(text []byte) error {
	if string(text) == "full" {
		*b = 0
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n <= 0 {
		return fmt.Errorf("must be a whole number of samples above 0, or full")
	}
	*b = Batch(n)
	return nil
}
