package compress

import (
	"encoding/binary"
	"fmt"
	"math"

	"weir/vec"
)

// A quant payload is, for every block of 256 coordinates, a step and a b-bit two's complement code a coordinate: value
// j is step * code_j. Codes go from -s to s, s = 2^(b-1) - 1.
//
// Rounding is stochastic: with t_j = v_j s/max|v|, code_j is floor(t_j + u_j), u_j uniform on [0, 1), so that
// E[code_j] = t_j (QSGD, Alistarh et al. 2017, with the maximum norm). Its variance is f(1-f), f the fraction of t_j. An
// unbiased code does not contract; divided by 1+omega it does, with omega = sum f(1-f) / sum t^2 of the very block:
// E||C(v)-v||^2 = (1 - 1/(1+omega)) ||v||^2 exactly. The division is in the step that is sent.
const quantBlock = 256

func quantBound[T vec.Float](bits, n int) int {
	return (n+quantBlock-1)/quantBlock*vec.Size[T]() + (n*bits+7)/8
}

// omega bounds sum f(1-f) / sum t^2 over blocks whose largest |t| is s: the other 255 values are then all alike.
func omega(bits int) float64 {
	s := float64(int(1)<<(bits-1) - 1)
	return (math.Sqrt(1+(quantBlock-1)/(s*s)) - 1) / 2
}

// appendQuant appends the blocks of x, which begins at coordinate first of its fragment, and returns E||x - q||^2 with
// them: the mean over the rounding, which is known, rather than what this rounding happened to lose.
func appendQuant[T vec.Float](dst []byte, bits int, x []T, first int, key uint64) ([]byte, float64) {
	var lost float64
	var block [quantBlock]byte
	s := T(int(1)<<(bits-1) - 1)
	for len(x) > 0 {
		n := min(quantBlock, len(x))
		top := maxAbs(x[:n])
		inverse := s / top
		if inverse-inverse != 0 { // nothing there, or so little that its inverse overflows
			top, inverse = 0, 0
		}
		codes := block[:n]
		tt, ff := quantise(codes, x[:n], inverse, s, uint32(first), key)
		var shrink float64 // 1/(1+omega)
		if tt > 0 {
			shrink = tt / (tt + ff)
			unit := float64(top) / float64(s)
			lost += float64(float64(unit*unit) * float64(tt*(1-shrink)))
		}
		dst = vec.AppendOne(dst, T(shrink*float64(top)/float64(s)))
		dst = appendCodes(dst, bits, codes)
		x, first = x[n:], first+n
	}
	return dst, lost
}

// appendCodes packs codes of b bits, the first in the lowest bits of a byte. Eight at a time are gathered in a word by
// halving the gaps between them.
func appendCodes(dst []byte, bits int, codes []byte) []byte {
	if bits == 8 {
		return append(dst, codes...)
	}
	for len(codes) >= 8 {
		w := binary.LittleEndian.Uint64(codes)
		if bits == 4 {
			w &= 0x0f0f0f0f0f0f0f0f
			w = (w | w>>4) & 0x00ff00ff00ff00ff
			w = (w | w>>8) & 0x0000ffff0000ffff
			dst = binary.LittleEndian.AppendUint32(dst, uint32(w|w>>16))
		} else {
			w &= 0x0303030303030303
			w = (w | w>>6) & 0x000f000f000f000f
			w = (w | w>>12) & 0x000000ff000000ff
			dst = binary.LittleEndian.AppendUint16(dst, uint16(w|w>>24))
		}
		codes = codes[8:]
	}
	if len(codes) > 0 {
		var rest [8]byte
		copy(rest[:], codes)
		packed := appendCodes(rest[:0:0], bits, rest[:])
		dst = append(dst, packed[:(len(codes)*bits+7)/8]...)
	}
	return dst
}

// unpackCodes is the inverse of appendCodes for codes of 4 and 2 bits.
func unpackCodes(codes []byte, bits int, b []byte) {
	for len(codes) >= 8 {
		var w uint64
		if bits == 4 {
			w = uint64(binary.LittleEndian.Uint32(b))
			w = (w | w<<16) & 0x0000ffff0000ffff
			w = (w | w<<8) & 0x00ff00ff00ff00ff
			w = (w | w<<4) & 0x0f0f0f0f0f0f0f0f
			w = (w ^ 0x0808080808080808 | 0x8080808080808080) - 0x0808080808080808 ^ 0x8080808080808080
		} else {
			w = uint64(binary.LittleEndian.Uint16(b))
			w = (w | w<<24) & 0x000000ff000000ff
			w = (w | w<<12) & 0x000f000f000f000f
			w = (w | w<<6) & 0x0303030303030303
			w = (w ^ 0x0202020202020202 | 0x8080808080808080) - 0x0202020202020202 ^ 0x8080808080808080
		}
		binary.LittleEndian.PutUint64(codes, w)
		codes, b = codes[8:], b[bits:]
	}
	for i := range codes {
		at := i * bits
		codes[i] = byte(int8(b[at/8]<<(8-bits-at%8)) >> (8 - bits))
	}
}

func checkQuant[T vec.Float](f Frame) error {
	bits := f.Values.bits()
	if f.Count != f.Length || len(f.payload) != quantBound[T](bits, int(f.Length)) {
		return fmt.Errorf("%w: quant, %d bytes for %d of %d coordinates", ErrSize, len(f.payload), f.Count, f.Length)
	}
	size := vec.Size[T]() + quantBlock*bits/8
	for b := f.payload; len(b) > 0; b = b[min(size, len(b)):] {
		if !sound(vec.Load[T](b, 0)) {
			return ErrNotFinite
		}
	}
	return nil
}

// addQuant adds weight times the values in payload to y.
func addQuant[T vec.Float](y []T, weight T, bits int, payload []byte) {
	var block [quantBlock]byte
	for len(y) > 0 {
		n := min(quantBlock, len(y))
		step := T(weight * vec.Load[T](payload, 0))
		payload = payload[vec.Size[T]():]
		codes := payload[:(n*bits+7)/8]
		payload = payload[len(codes):]
		if bits < 8 {
			unpackCodes(block[:n], bits, codes)
			codes = block[:n]
		}
		addCodes(y[:n], step, codes)
		y = y[n:]
	}
}
