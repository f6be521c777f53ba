// Package gemm makes single precision matrix multiplication fast: importing it for its side effect,
//
//	import _ "weir/gemm"
//
// registers a Sgemm with gonum's blas32 that uses AVX-512 or AVX2, whichever the processor has. Everything else stays
// gonum's own. On other processors, and with the build tag purego, nothing is registered.
//
// # How it works
//
// C = alpha A B + beta C, A being M x K and B K x N, is cut into tiles small enough for the registers of the processor:
//
//	                     N                     a pass: up to 400 steps along K
//	            +-----+-----+--+
//	          K |  B  |     |  |
//	            +-----+-----+--+               tile     AVX-512 12 x 32, or 12 x 16 where 16 columns or fewer are left
//	     K      | 32  | 32  |  |                        AVX2     6 x 16
//	 +-------+  +-----+-----+--+
//	 |   A   |12| tile|     |  |  ^
//	M|-------|  +-----+-----+--+  | strip: tiles one below the other, one call of a kernel
//	 |       |  | tile|     |  |  v
//	 +-------+  +-----+-----+--+
//
// For one step along K a kernel loads a row of B, as wide as the tile, and adds to every row of the tile that row times
// an element of A: 24 multiply-adds of 16 numbers for 2 loads and 12 broadcasts. So arithmetic is what it waits for.
//
// Textbook implementations first copy (pack) A and B into the order in which the kernel reads them (Goto and van de Geijn
// 2008). At a batch of 32 that pays for itself too late, so here it is done only where nothing else works:
//
//   - A is read one element at a time, so a row and a column stride serve A and its transpose alike, in place.
//   - B is read by rows. They are contiguous unless B is transposed; only then is the part that a strip needs copied, by
//     transposing blocks of 8 x 8, into a buffer from a pool.
//   - Edges on the right are loaded and stored under a mask. At the bottom there is a kernel for every number of rows, and
//     M is cut evenly: 32 rows are tiles of 11, 11 and 10.
//
// # What callers can rely on
//
// An element of C is one chain of fused multiply-adds along K, broken only between passes, which depend on K alone. So it
// is a function of its row of A, its column of B, K, alpha, beta and its old value: the same bits whatever the other rows
// and columns are, however the operands are stored, whoever else computes at the same time. Between AVX-512 and AVX2 the
// bits are the same as well; between these and gonum they are not. For the sake of this no shape is left to gonum, though
// its dot products are faster for a single row or column times a transposed B.
//
// NaN and infinity spread as in three plain loops, 0*NaN included (gonum skips zeros). As in BLAS, beta = 0 means that C
// is not read and alpha = 0 that A and B are not.
//
// Sgemm starts no goroutine, allocates nothing once the pool is warm, and may be called from many goroutines at once.
package gemm
