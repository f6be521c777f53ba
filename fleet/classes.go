package fleet

import (
	"fmt"
	"slices"

	"weir/record"
)

// classes groups the clients by speed: the two classes of a two-class fleet, one class when all are equal, else
// quarters by cycle time. It returns a name for each group and its members.
func (f *Fleet) classes(cycles []int64) (names []string, members [][]int) {
	order := make([]int, len(cycles))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if cycles[a] != cycles[b] {
			return int(min(1, max(-1, cycles[a]-cycles[b])))
		}
		return 0
	})
	n := len(order)
	switch {
	case f.slow != nil:
		fast := slices.IndexFunc(order, func(i int) bool { return f.slow[i] })
		if fast <= 0 {
			return []string{"all clients"}, [][]int{order}
		}
		return []string{"fast", "slow"}, [][]int{order[:fast], order[fast:]}
	case n < 4 && n > 1 && cycles[order[0]] != cycles[order[n-1]]:
		for i := range order {
			names = append(names, fmt.Sprintf("client %d", order[i]))
			members = append(members, order[i:i+1])
		}
		return names, members
	case n < 4 || cycles[order[0]] == cycles[order[n-1]]:
		return []string{"all clients"}, [][]int{order}
	}
	for q, name := range []string{"fastest quarter", "second quarter", "third quarter", "slowest quarter"} {
		names = append(names, name)
		members = append(members, order[q*n/4:(q+1)*n/4])
	}
	return names, members
}

// Describe sums up what each class of clients gave to the model.
func (f *Fleet) Describe(cycles []int64, committed []uint64, achieved, target []float64) []record.Class {
	names, members := f.classes(cycles)
	var all uint64
	for _, c := range committed {
		all += c
	}
	classes := make([]record.Class, len(names))
	for i, name := range names {
		class := record.Class{Name: name, Clients: len(members[i])}
		var mine uint64
		times := make([]int64, 0, len(members[i]))
		for _, m := range members[i] {
			mine += committed[m]
			class.Share += achieved[m]
			class.Target += target[m]
			times = append(times, cycles[m])
		}
		slices.Sort(times)
		class.Cycle = float64(times[(len(times)-1)/2]+times[len(times)/2]) / 2e9
		if all > 0 {
			class.Participation = float64(mine) / float64(all)
		}
		classes[i] = class
	}
	return classes
}
