package coordinator

import (
	"maps"
	"sync"
)

// counters count what never reaches the log.
type counters struct {
	mu      sync.Mutex
	refused map[string]uint64 // by reason
}

func newCounters() *counters { return &counters{refused: map[string]uint64{}} }

// refuse counts a message that was refused. Reasons are few and fixed: they become labels.
func (c *counters) refuse(reason string) {
	c.mu.Lock()
	c.refused[reason]++
	c.mu.Unlock()
}

// refusals are the counts by reason.
func (c *counters) refusals() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refused)
}
