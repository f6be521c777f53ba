package compress

import (
	"encoding/binary"
	"math/bits"
)

// Indices that rise are sent as the gaps between them, Golomb-Rice coded (Rice and Plaunt 1971): the low bits of each
// gap as they stand, the rest in unary. The two parts are kept apart, so that both sides can work a word at a time:
//
//	low bits of gap 0, 1, 2, ...    riceBits each, packed from the lowest bit of the first byte, then zeros to a byte
//	high part of gap 0, 1, 2, ...   that many 0 bits and a 1 bit, packed likewise
//
// where gap j is index j - index j-1 - 1 (index -1 is -1).

// riceBits is the number of low bits for count indices below n. For gaps that are geometric with p = count/n the best
// choice is 1 + floor(log2(ln(phi-1)/ln(1-p))), phi the golden ratio (Kiely 2004, section 3); ln(1-p) is -1/(1/p - 1/2)
// but for terms of order p.
func riceBits(n, count int) uint {
	if count == 0 {
		return 0
	}
	return uint(bits.Len64(4812 * uint64(2*n-count) / (20000 * uint64(count))))
}

// riceBound is the most bytes that up to count indices below n take.
func riceBound(n, count int) int {
	size := 0
	for b := riceBits(n, count); b <= 32; b++ {
		// The most indices that riceBits gives b bits, or a few more.
		c := count
		if b > 0 {
			c = min(count, int(2*4812*uint64(n)/(10000<<b+4812))+1)
		}
		size = max(size, (c*int(b)+7)/8+(c+n>>b+7)/8)
	}
	return size
}

// appendRice appends the code of the indices idx, all below n.
func appendRice(dst []byte, n int, idx []uint32) []byte {
	b := riceBits(n, len(idx))
	var word uint64
	var filled uint
	last := ^uint32(0)
	for _, i := range idx { // low bits
		word |= uint64((i-last-1)&(1<<b-1)) << filled
		if filled += b; filled >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(word))
			word >>= 32
			filled -= 32
		}
		last = i
	}
	dst = appendBits(dst, word, filled)

	word, filled = 0, 0
	last = ^uint32(0)
	for _, i := range idx { // high parts
		zeros := uint((i - last - 1) >> b)
		last = i
		for filled += zeros; filled >= 32; filled -= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(word))
			word = 0
		}
		word |= 1 << filled
		filled++
	}
	return appendBits(dst, word, filled)
}

// appendBits appends the lowest bits of word in as few bytes as hold them.
func appendBits(dst []byte, word uint64, n uint) []byte {
	for ; n > 0; n -= min(n, 8) {
		dst = append(dst, byte(word))
		word >>= 8
	}
	return dst
}

// riceReader reads indices that checkRice has verified.
type riceReader struct {
	low, high []byte
	b         uint
	mask      uint64
	count     int    // indices read
	sum       uint64 // of their low bits
	word      uint64 // ones of the current 64 bits of high that are still to come
	base      int    // bits of high before word
}

// newRiceReader returns a reader of the code of count indices below n, or false when code is too short to be one.
func newRiceReader(code []byte, n, count int) (riceReader, bool) {
	b := riceBits(n, count)
	split := (count*int(b) + 7) / 8
	if len(code) < split {
		return riceReader{}, false
	}
	r := riceReader{low: code[:split], high: code[split:], b: b, mask: 1<<b - 1, base: -64}
	return r, true
}

// word64 reads the 64 bits of b from byte i on; past the end they are zeros.
func word64(b []byte, i int) uint64 {
	if i+8 <= len(b) {
		return binary.LittleEndian.Uint64(b[i:])
	}
	var w [8]byte
	if i < len(b) {
		copy(w[:], b[i:])
	}
	return binary.LittleEndian.Uint64(w[:])
}

// read fills idx with the next indices. With z zeros before the one of index j, index j is z<<b + (low bits of 0..j) + j.
// It goes over them twice: each loop is small enough to stay in registers.
func (r *riceReader) read(idx []uint32) {
	r.readHigh(idx)
	r.readLow(idx)
	r.count += len(idx)
}

// readHigh fills idx with the zeros before the ones of the next indices.
func (r *riceReader) readHigh(idx []uint32) {
	high, word, base, count := r.high, r.word, r.base, r.count
	for i := 0; i < len(idx); {
		for word == 0 {
			base += 64
			word = word64(high, base/8)
		}
		n := min(bits.OnesCount64(word), len(idx)-i)
		for j, at := 0, base-count-i; j < n; j++ {
			idx[i+j] = uint32(at - j + bits.TrailingZeros64(word))
			word &= word - 1
		}
		i += n
	}
	r.word, r.base = word, base
}

// readLow makes indices of the zeros in idx.
func (r *riceReader) readLow(idx []uint32) {
	low, b, mask, sum := r.low, r.b&63, r.mask, r.sum
	at := uint(r.count) * b
	shift := b & 31 // an index has 32 bits
	for i, zeros := range idx {
		var l uint64
		if k := at / 8; k+8 <= uint(len(low)) {
			l = binary.LittleEndian.Uint64(low[k:])
		} else {
			l = word64(low, int(k))
		}
		sum += l >> (at & 7) & mask
		at += b
		idx[i] = zeros<<shift + uint32(sum) + uint32(r.count+i)
	}
	r.sum = sum
}

// checkRice says whether code is that of count indices below n and nothing else.
func checkRice(code []byte, n, count int) bool {
	r, ok := newRiceReader(code, n, count)
	if !ok || count == 0 {
		return ok && len(code) == 0
	}
	if len(r.high) == 0 || r.high[len(r.high)-1] == 0 {
		return false
	}
	if used := count * int(r.b) % 8; used > 0 && r.low[len(r.low)-1]>>used != 0 {
		return false
	}
	ones := 0
	for i := 0; i < len(r.high); i += 8 {
		ones += bits.OnesCount64(word64(r.high, i))
	}
	if ones != count {
		return false
	}
	last := uint64(8*len(r.high)) - uint64(bits.LeadingZeros8(r.high[len(r.high)-1])) - uint64(count) // zeros before the last one
	index := last<<r.b + uint64(count-1)
	for j := range count {
		at := j * int(r.b)
		index += word64(r.low, at/8) >> (at & 7) & r.mask
	}
	return index < uint64(n)
}
