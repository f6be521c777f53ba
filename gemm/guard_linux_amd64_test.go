//go:build !purego

package gemm

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// TestReachesNothingBesideItsOperands ends, and then begins, every operand at memory that may not be touched.
func TestReachesNothingBesideItsOperands(t *testing.T) {
	const bytes = 1 << 18
	fenced := func(m stored, atEnd bool) stored {
		page := os.Getpagesize()
		memory, err := syscall.Mmap(-1, 0, bytes+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Munmap(memory) })
		for _, fence := range [][]byte{memory[:page], memory[page+bytes:]} {
			if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
				t.Fatal(err)
			}
		}
		floats := unsafe.Slice((*float32)(unsafe.Pointer(&memory[page])), bytes/4)
		if atEnd {
			floats = floats[len(floats)-len(m.data):]
		}
		copy(floats, m.data)
		m.data = floats[:len(m.data):len(m.data)]
		return m
	}
	rng := rand.New(rand.NewPCG(15, 16))
	each(t, func(t *testing.T, sgemm blas.Float32Level3) {
		for range 300 {
			m, n, k := 1+rng.IntN(60), 1+rng.IntN(100), 1+rng.IntN(40)
			opA, opB := []blas.Transpose{plain, transposed}[rng.IntN(2)], []blas.Transpose{plain, transposed}[rng.IntN(2)]
			atEnd := rng.IntN(2) == 0
			a := fenced(store(opA, m, k, rng.IntN(3), digits(rng)), atEnd)
			b := fenced(store(opB, k, n, rng.IntN(3), digits(rng)), atEnd)
			c := fenced(store(plain, m, n, rng.IntN(3), digits(rng)), atEnd)
			want := c.clone()
			product(gonum.Implementation{}, 1, a, b, 1, want)
			product(sgemm, 1, a, b, 1, c)
			sameBits(t, c, want)
		}
	})
}
