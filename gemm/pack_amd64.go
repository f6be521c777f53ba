//go:build !purego

package gemm

import "sync"

// panel holds a part of a transposed B with its rows made contiguous: the columns of one tile, along K as far as a pass.
type panel [maxDepth * 32]float32

var panels = sync.Pool{New: func() any { return new(panel) }}

// pack copies depth x cols of B, from row p and column j on, into rows that lie width values apart. The columns of B are
// contiguous.
func (to *panel) pack(b matrix, p, j, depth, cols, width int) {
	if depth < 8 || cols < 8 {
		for l := range cols {
			for q := range depth {
				to[q*width+l] = *b.at(p+q, j+l)
			}
		}
		return
	}
	// Blocks of 8 x 8; where they do not come out even the last overlaps the one before.
	for l := 0; l < cols; l += 8 {
		l := min(l, cols-8)
		transpose8(&to[l], 4*width, b.at(p, j+l), 4*b.col, depth/8)
		if depth%8 > 0 {
			q := depth - 8
			transpose8(&to[q*width+l], 4*width, b.at(p+q, j+l), 4*b.col, 1)
		}
	}
}

// transpose8 turns 8 rows of 8*blocks values at src into 8*blocks rows of 8 values at dst. Strides are in bytes.
//
//go:noescape
func transpose8(dst *float32, dstRow int, src *float32, srcRow, blocks int)
