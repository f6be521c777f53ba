package selection

import "math/rand/v2"

// uniform draws without replacement, each free client alike (a Fisher-Yates shuffle that stops after m). O(m).
type uniform struct{ choices []Choice }

func (u *uniform) Choose(_ Situation, free []uint32, m int, random *rand.Rand) []Choice {
	rest := len(free)
	m = min(m, rest)
	u.choices = alike(u.choices, m, rest)
	for range m {
		pick := random.IntN(rest)
		rest--
		free[pick], free[rest] = free[rest], free[pick]
	}
	return u.choices
}

// everyone takes the free clients as they stand, for runs in which all clients are always at work.
type everyone struct{ choices []Choice }

func (e *everyone) Choose(_ Situation, free []uint32, m int, _ *rand.Rand) []Choice {
	e.choices = alike(e.choices, min(m, len(free)), len(free))
	return e.choices
}

// alike are the reasons of m clients of whom nobody was preferred, out of n.
func alike(dst []Choice, m, n int) []Choice {
	dst = dst[:0]
	for range m {
		dst = append(dst, Choice{Score: 1, Probability: 1 / float64(n), Components: none()})
	}
	return dst
}

// none are the components of a kind that has none.
func none() Components {
	return Components{Unknown(), Unknown(), Unknown(), Unknown(), Unknown()}
}
