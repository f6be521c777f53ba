package network

import "math"

// softmaxLoss is the sum over samples of log sum_k exp(z_k) - z_y, whose derivative by z_k is softmax(z)_k - 1{k=y}.
func softmaxLoss(z []float32, y []int32, dz []float32) (loss, squares float64, right int) {
	if len(y) == 0 {
		return 0, 0, 0
	}
	k := len(z) / len(y)
	for _, class := range y {
		row, d := z[:k], dz[:k]
		z, dz = z[k:], dz[k:]
		best, largest := 0, row[0]
		for j, v := range row {
			if v > largest {
				best, largest = j, v
			}
		}
		sum := float32(0)
		for j, v := range row {
			e := exp(v - largest)
			d[j] = e
			sum += e
		}
		inverse := 1 / sum
		for j := range d {
			d[j] *= inverse
		}
		d[class]--
		l := math.Log(float64(sum)) + float64(largest-row[class])
		loss += l
		squares += l * l
		if best == int(class) {
			right++
		}
	}
	return loss, squares, right
}

// logisticLoss is the sum over samples of log(1 + exp(-s z)) with s = +1 for class 1 and -1 for class 0, whose
// derivative by z is 1/(1+exp(-z)) - y.
func logisticLoss(z []float32, y []int32, dz []float32) (loss, squares float64, right int) {
	for i, class := range y {
		v := float64(z[i])
		e := math.Exp(-math.Abs(v)) // never overflows
		l := math.Log(1 + e)
		p := 1 / (1 + e) // of the class that the sign of v says
		if v < 0 {
			p = e / (1 + e)
		}
		dz[i] = float32(p - float64(class))
		if (v > 0) == (class == 1) {
			right++
		} else {
			l += math.Abs(v)
		}
		loss += l
		squares += l * l
	}
	return loss, squares, right
}

// exp returns e^x for x <= 0 to about 1e-7 of its value: x = k ln 2 + r with |r| <= ln(2)/2, and a Taylor series for e^r.
// It is 0 below -87, where e^x is about to leave the normal float32 numbers, and NaN for NaN.
func exp(x float32) float32 {
	if !(x > -87) {
		if x != x {
			return x
		}
		return 0
	}
	const (
		shift   = 3 << 22 // adding it leaves a whole number in the low bits
		ln2High = 0.693359375
		ln2Low  = -2.12194440e-4
	)
	t := x*math.Log2E + shift
	k := t - shift
	r := x - k*ln2High - k*ln2Low
	series := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120+r*(1./720+r*(1./5040)))))))
	return series * math.Float32frombits((math.Float32bits(t)-math.Float32bits(shift)+127)<<23)
}
