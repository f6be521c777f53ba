//go:build !purego

package gemm

import (
	"golang.org/x/sys/cpu"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"
)

func init() {
	if k := detect(); k != none {
		blas32.Use(implementation{kernels: k})
	}
}

func detect() kernels {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX2:
		return avx512
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return avx2
	}
	return none
}

// implementation is gonum's with a Sgemm of its own.
type implementation struct {
	gonum.Implementation
	kernels kernels
}

// Sgemm computes C = alpha op(A) op(B) + beta C for row-major op(A) (m x k), op(B) (k x n) and C (m x n), and panics as
// gonum does when the arguments do not fit together. With beta = 0 it does not read C, with alpha = 0 neither A nor B.
func (i implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !fits(tA, m, k, len(a), lda) || !fits(tB, k, n, len(b), ldb) || !fits(blas.NoTrans, m, n, len(c), ldc) {
		// Wrong, or empty: gonum knows what to say, or does what little there is to do.
		i.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	if alpha == 0 {
		i.Implementation.Sgemm(tA, tB, m, n, 0, 0, a, lda, b, ldb, beta, c, ldc)
		return
	}
	i.kernels.multiply(m, n, k, alpha, view(tA, a, lda), view(tB, b, ldb), beta, view(blas.NoTrans, c, ldc))
}

// fits reports whether a slice of the given length holds the matrix X, ld values from one stored row to the next, where
// op(X) is rows x cols and not empty. The kernels rely on it: it must hold for any int.
func fits(t blas.Transpose, rows, cols, length, ld int) bool {
	switch t {
	case blas.NoTrans:
	case blas.Trans, blas.ConjTrans:
		rows, cols = cols, rows
	default:
		return false
	}
	return rows > 0 && cols > 0 && cols <= ld && cols <= length && rows-1 <= (length-cols)/ld
}

// matrix is a matrix of which row and col say how many values lie between neighbours in a column and in a row.
type matrix struct {
	data     []float32
	row, col int
}

func view(t blas.Transpose, data []float32, ld int) matrix {
	if t == blas.NoTrans {
		return matrix{data, ld, 1}
	}
	return matrix{data, 1, ld}
}

func (m matrix) at(i, j int) *float32 { return &m.data[i*m.row+j*m.col] }
