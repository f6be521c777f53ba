package compress

import (
	"math"

	"weir/vec"
)

// The plain Go kernels. What they compute, bit by bit, is the definition; assembly only computes it faster. Sums run in
// 16 lanes, value i in lane i mod 16, over a tile at most; the lanes are added as a tree of halves.

type lanes[T vec.Float] [16]T

func (l *lanes[T]) sum() float64 {
	a, b, c, d := l[0]+l[8], l[1]+l[9], l[2]+l[10], l[3]+l[11]
	e, f, g, h := l[4]+l[12], l[5]+l[13], l[6]+l[14], l[7]+l[15]
	return float64(((a + e) + (c + g)) + ((b + f) + (d + h)))
}

func plainSumSquares[T vec.Float](l *lanes[T], x []T) {
	for ; len(x) >= 16; x = x[16:] {
		for j, v := range x[:16] {
			l[j] += T(v * v)
		}
	}
	for j, v := range x {
		l[j] += T(v * v)
	}
}

// plainECStep: e = beta*e + g.
func plainECStep[T vec.Float](e, g []T, beta T) {
	for i, v := range g {
		e[i] = T(beta*e[i]) + v
	}
}

// plainEF21MStep: v = (1-m)v + m g; p = v - h.
func plainEF21MStep[T vec.Float](p, v, g, h []T, m T) {
	v, h, p = v[:len(g)], h[:len(g)], p[:len(g)]
	rest := 1 - m
	for i, x := range g {
		w := T(rest*v[i]) + T(m*x)
		v[i] = w
		p[i] = w - h[i]
	}
}

// plainEControlStep: d = g - h; e += d; p = eta*(e - d) + d. Taking the old e as e - d lets p be computed again after e
// has moved. It marks p as plainMark does; the lanes gather g^2, e^2 and p^2.
func plainEControlStep[T vec.Float](sums *[3]lanes[T], bits []byte, p, e, g, h []T, eta, threshold T) {
	p, e, h = p[:len(g)], e[:len(g)], h[:len(g)]
	for i, x := range g {
		d := x - h[i]
		u := e[i] + d
		w := T(eta*(u-d)) + d
		e[i], p[i] = u, w
		sums[0][i&15] += T(x * x)
		sums[1][i&15] += T(u * u)
		sums[2][i&15] += T(w * w)
	}
	plainMark(bits, p, threshold)
}

// plainMark sets bit i of bits where |x[i]| is not below threshold, so that a NaN is seen, and clears the others of the
// bytes that it fills.
func plainMark[T vec.Float](bits []byte, x []T, threshold T) {
	for len(x) > 0 {
		n := min(8, len(x))
		var b byte
		for i, v := range x[:n] {
			if !(abs(v) < threshold) {
				b |= 1 << i
			}
		}
		bits[0] = b
		x, bits = x[n:], bits[1:]
	}
}

func plainMaxAbs[T vec.Float](x []T) T {
	var m T
	for _, v := range x {
		m = max(m, abs(v))
	}
	return m
}

func abs[T vec.Float](v T) T {
	if vec.Size[T]() == 4 {
		return T(math.Float32frombits(math.Float32bits(float32(v)) &^ (1 << 31)))
	}
	return T(math.Abs(float64(v)))
}

// plainSignBits sets bit j of bits, which are 0, where x[j] < 0, gathers |x| and x^2 in lanes and counts zeros.
func plainSignBits[T vec.Float](sums *[2]lanes[T], bits []byte, x []T) (zeros int) {
	for i, v := range x {
		if v < 0 {
			bits[i/8] |= 1 << (i % 8)
		}
		if v == 0 {
			zeros++
		}
		sums[0][i&15] += abs(v)
		sums[1][i&15] += T(v * v)
	}
	return zeros
}

// plainAddSigns adds a to y[i], or subtracts it where bit i is set.
func plainAddSigns[T vec.Float](y []T, a T, signs []byte) {
	for i := range y {
		if signs[i/8]>>(i%8)&1 == 1 {
			y[i] -= a
		} else {
			y[i] += a
		}
	}
}

// plainQuantise writes floor(t + u), no larger than s, for t = x*inverse and u drawn for coordinate first+i; the lanes
// gather t^2 and f(1-f), with f the fraction of t.
func plainQuantise[T vec.Float](sums *[2]lanes[T], codes []byte, x []T, inverse, s T, first uint32, key uint64) {
	for i, v := range x {
		t := T(v * inverse)
		codes[i] = byte(int8(min(max(floor(t+uniform[T](first+uint32(i), key)), -s), s)))
		f := t - floor(t)
		sums[0][i&15] += T(t * t)
		sums[1][i&15] += T(f * (1 - f))
	}
}

// floor is for values well inside the range of int32.
func floor[T vec.Float](v T) T {
	c := T(int32(v))
	if c > v {
		c--
	}
	return c
}

// uniform draws from [0, 1) in steps of 2^-24, for coordinate i. The hash is of the murmur3 family, with Wellons'
// constants (lowbias32, 2018) and the key's halves before and inside it.
func uniform[T vec.Float](i uint32, key uint64) T {
	x := i + uint32(key)
	x = (x ^ x>>16) * 0x21f0aaad
	x = (x ^ x>>15) + uint32(key>>32)
	x *= 0x735a2d97
	x ^= x >> 15
	return T(T(x>>8) * (1.0 / (1 << 24)))
}

// plainAddCodes adds step*codes[i] to y[i].
func plainAddCodes[T vec.Float](y []T, step T, codes []byte) {
	for i, c := range codes {
		y[i] += T(step * T(int8(c)))
	}
}
