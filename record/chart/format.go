package chart

import (
	"math"
	"strconv"
	"strings"
)

// Unit says what an axis or a figure measures.
type Unit int

// The units.
const (
	Plain Unit = iota
	Seconds
	Bytes
	Share // a fraction, shown in percent
)

// step is a larger multiple of a unit, such as kB.
type step struct {
	factor float64
	name   string
}

var (
	timeSteps = []step{{1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}, {60, "min"}, {3600, "h"}, {86400, "days"}}
	byteSteps = []step{{1, "B"}, {1e3, "kB"}, {1e6, "MB"}, {1e9, "GB"}, {1e12, "TB"}}
	largeStep = []step{{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}
)

// pick is the largest step of which size holds at least enough.
func pick(steps []step, size, enough float64) step {
	chosen := steps[0]
	for _, s := range steps {
		if size >= s.factor*enough {
			chosen = s
		}
	}
	return chosen
}

// space keeps a number and its unit on one line.
const space = "\u00a0"

// timeStep is the unit in which a person would say a time: seconds up to ten minutes, minutes up to three hours.
func timeStep(size float64) step {
	switch {
	case size < 1:
		return pick(timeSteps[:2], size, 1)
	case size < 600:
		return timeSteps[2]
	case size < 3*3600:
		return timeSteps[3]
	case size < 48*3600:
		return timeSteps[4]
	}
	return timeSteps[5]
}

// Time writes seconds in the unit in which a person would say them: 512 s, 14.2 min, 3.4 h.
func Time(seconds float64) string { return TimeLike(seconds, seconds) }

// TimeLike writes seconds in the unit in which a person would say like, for columns of times.
func TimeLike(seconds, like float64) string {
	size := math.Abs(like)
	if size == 0 || math.IsNaN(size) || math.IsInf(size, 0) {
		return Number(seconds) + space + "s"
	}
	s := timeStep(size)
	return Number(seconds/s.factor) + space + s.name
}

// Size writes a number of bytes: 812 MB, 4.1 kB, 17 B.
func Size(bytes float64) string {
	s := pick(byteSteps, math.Abs(bytes), 1)
	return Number(bytes/s.factor) + space + s.name
}

// Number writes v with about three significant digits, or all of its digits before the point: 0.826, 41.3, 1,204.
func Number(v float64) string {
	s := Figure(v)
	if strings.ContainsAny(s, "e∞") {
		return s
	}
	return trimZeros(s)
}

// Figure is Number with its trailing zeros, 0.830, for columns of figures that belong together.
func Figure(v float64) string {
	size := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "not a number"
	case math.IsInf(v, 0):
		return strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "Inf", "∞", 1)
	case v == 0:
		return "0"
	case size < 1e-3 || size >= 1e7:
		return exponent(strconv.FormatFloat(v, 'e', 2, 64))
	case size >= 99.95:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case size < 0.1:
		return strconv.FormatFloat(v, 'f', 4, 64)
	case size < 1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case size < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// Count writes a whole number with thousands set apart: 12,345.
func Count(n uint64) string { return thousands(strconv.FormatUint(n, 10)) }

// Percent writes a fraction in percent: 41%, 2.5%, 0.04%.
func Percent(fraction float64) string {
	v := 100 * fraction
	switch size := math.Abs(v); {
	case size >= 9.95 || v == 0:
		return strconv.FormatFloat(v, 'f', 0, 64) + "%"
	case size >= 0.995:
		return trimZeros(strconv.FormatFloat(v, 'f', 1, 64)) + "%"
	}
	return trimZeros(strconv.FormatFloat(v, 'f', max(2, 1-int(math.Floor(math.Log10(math.Abs(v))))), 64)) + "%"
}

func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// exponent writes 1.20e-05 as 1.2e-5.
func exponent(s string) string {
	mantissa, power, found := strings.Cut(s, "e")
	if !found {
		return s
	}
	n, err := strconv.Atoi(power)
	if err != nil {
		return s
	}
	return trimZeros(mantissa) + "e" + strconv.Itoa(n)
}
