package waterfill

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// crew works for all users at once, on every core.
type crew struct{ stations []*station }

// worthwhile is the least number of powers that another goroutine is started for.
const worthwhile = 1 << 13

func newCrew(g *Game) *crew {
	c := &crew{}
	for range max(1, min(runtime.GOMAXPROCS(0), g.Users, g.Users*g.Carriers/worthwhile)) {
		c.stations = append(c.stations, newStation(g))
	}
	return c
}

// each calls do for every user, and returns when all are done.
func (c *crew) each(users int, do func(s *station, q int)) {
	if len(c.stations) == 1 {
		for q := range users {
			do(c.stations[0], q)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for _, s := range c.stations {
		all.Go(func() {
			for q := int(next.Add(1)) - 1; q < users; q = int(next.Add(1)) - 1 {
				do(s, q)
			}
		})
	}
	all.Wait()
}
