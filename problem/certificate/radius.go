package certificate

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
	"gonum.org/v1/gonum/mat"
)

// SpectralRadius is rho(l) of a matrix without negative entries: the largest over its irreducible parts, the strongly
// connected components of who depends on whom.
func SpectralRadius(l *mat.Dense) float64 {
	largest := 0.0
	for _, part := range components(l) {
		if len(part) > 1 {
			largest = max(largest, perron(restrict(l, part)))
		} else {
			largest = max(largest, l.At(part[0], part[0]))
		}
	}
	return largest
}

func components(l *mat.Dense) [][]int {
	n, _ := l.Dims()
	g := simple.NewDirectedGraph()
	for i := range n {
		g.AddNode(simple.Node(i))
	}
	for i := range n {
		for j, v := range l.RawRowView(i) {
			if v > 0 && i != j {
				g.SetEdge(g.NewEdge(simple.Node(i), simple.Node(j)))
			}
		}
	}
	found := topo.TarjanSCC(g)
	parts := make([][]int, len(found))
	for c, nodes := range found {
		for _, node := range nodes {
			parts[c] = append(parts[c], int(node.ID()))
		}
		slices.Sort(parts[c])
	}
	slices.SortFunc(parts, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	return parts
}

func restrict(l *mat.Dense, part []int) *mat.Dense {
	m := mat.NewDense(len(part), len(part), nil)
	for a, i := range part {
		for b, j := range part {
			m.Set(a, b, l.At(i, j))
		}
	}
	return m
}

// perron is the Perron root of an irreducible matrix by Noda's iteration (Numerische Mathematik 17, 1971): inverse
// iteration shifted by the upper bound max_i (l x)_i / x_i, which falls to the root quadratically. The root always lies
// between the least and the largest ratio.
func perron(l *mat.Dense) float64 {
	const (
		steps = 50
		close = 1e-14
	)
	n, _ := l.Dims()
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	lx := mat.NewVecDense(n, nil)
	best := 0.0
	for step := range steps {
		lx.MulVec(l, mat.NewVecDense(n, x))
		low, high := lx.AtVec(0)/x[0], lx.AtVec(0)/x[0]
		for i := range x {
			ratio := lx.AtVec(i) / x[i]
			low, high = min(low, ratio), max(high, ratio)
		}
		if step > 0 && !(high < best) { // rounding: as near as it gets
			break
		}
		if best = high; high-low <= close*high {
			break
		}
		next, ok := inverseStep(l, high, x)
		if !ok {
			break
		}
		x = next
	}
	return best
}

// inverseStep is (shift I - l)^{-1} x, scaled to the largest entry 1; it fails where rounding leaves no positive vector.
func inverseStep(l *mat.Dense, shift float64, x []float64) ([]float64, bool) {
	n := len(x)
	a := mat.NewDense(n, n, nil)
	a.Scale(-1, l)
	for i := range n {
		a.Set(i, i, shift-l.At(i, i))
	}
	var factor mat.LU
	factor.Factorize(a)
	next := mat.NewVecDense(n, nil)
	if !usable(factor.SolveVecTo(next, false, mat.NewVecDense(n, x))) {
		return nil, false
	}
	y := next.RawVector().Data
	if y[0] < 0 { // the factors of a nearly singular matrix may turn the sign of all of it
		floats.Scale(-1, y)
	}
	floats.Scale(1/floats.Max(y), y)
	return y, floats.Min(y) > 0
}
