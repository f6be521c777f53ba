//go:build !purego

package gemm

// kernels names the instructions that do the work.
type kernels uint8

const (
	none kernels = iota
	avx2
	avx512
)

func (k kernels) String() string { return [...]string{"none", "AVX2", "AVX-512"}[k] }

// tile is the largest part of C that the kernels hold in registers.
func (k kernels) tile() (rows, cols int) {
	if k == avx512 {
		return 12, 32
	}
	return 6, 16
}

const (
	// maxDepth is how far along K one pass goes: the part of B that a strip reads again and again stays near the core.
	maxDepth = 400
	// maxRows is how many rows one strip has. It bounds the time in a kernel, where the garbage collector cannot stop a
	// goroutine, to about a tenth of a millisecond.
	maxRows = 384
)

// strip is the work of one kernel call, C = alpha A B + beta C for tiles one below the other. Strides are in bytes.
type strip struct {
	a           *float32 // (tiles*rows) x depth
	aRow, aCol  int
	b           *float32 // depth x cols, rows contiguous
	bRow        int
	c           *float32 // (tiles*rows) x cols, rows contiguous
	cRow        int
	tiles       int
	rows        int // of a tile
	cols        int
	depth       int
	alpha, beta float32
}

// multiply computes C = alpha A B + beta C for A of m x depth and B of depth x n, none of them empty.
func (k kernels) multiply(m, n, depth int, alpha float32, a, b matrix, beta float32, c matrix) {
	var buf *panel
	if b.col != 1 {
		buf = panels.Get().(*panel)
		defer panels.Put(buf)
	}
	_, width := k.tile()
	pass := evenly(depth, maxDepth)
	for p := 0; p < depth; p += pass {
		s := strip{
			aRow: 4 * a.row, aCol: 4 * a.col, bRow: 4 * b.row, cRow: 4 * c.row,
			depth: min(pass, depth-p), alpha: alpha, beta: beta,
		}
		for j := 0; j < n; j += width {
			s.cols = min(width, n-j)
			if buf == nil {
				s.b = b.at(p, j)
			} else {
				buf.pack(b, p, j, s.depth, s.cols, width)
				s.b, s.bRow = &buf[0], 4*width
			}
			for i := 0; i < m; i += s.tiles * s.rows {
				s.tiles, s.rows = k.cut(m - i)
				s.a, s.c = a.at(i, p), c.at(i, j)
				k.run(&s)
			}
		}
		beta = 1 // C holds the passes before
	}
}

// cut says what the next strip is when m rows are left. Tiles differ by a row at most, the taller ones first: 32 rows
// become 11, 11 and 10, because a tile of few rows waits for its own sums.
func (k kernels) cut(m int) (tiles, rows int) {
	m = min(m, maxRows)
	most, _ := k.tile()
	tiles = (m + most - 1) / most
	if taller := m % tiles; taller > 0 {
		return taller, m/tiles + 1
	}
	return tiles, m / tiles
}

// evenly is the largest of the parts, each at most limit, that n is cut into.
func evenly(n, limit int) int {
	parts := (n + limit - 1) / limit
	return (n + parts - 1) / parts
}

func (k kernels) run(s *strip) {
	switch {
	case k == avx2:
		tilesAVX2(s)
	case s.cols > 16:
		wideAVX512(s)
	default:
		narrowAVX512(s)
	}
}

// The kernels take strips of at least one tile, with rows and cols from 1 to those of a whole tile and depth >= 1. They
// read and write nothing but the elements the strip names.

//go:noescape
func tilesAVX2(s *strip)

//go:noescape
func wideAVX512(s *strip)

// narrowAVX512 takes up to 16 columns.
//
//go:noescape
func narrowAVX512(s *strip)
