package coordinator

import (
	"maps"
	"sync"
	"sync/atomic"

	"weir/ledger"
)

// counters count what never reaches the log.
type counters struct {
	mu      sync.Mutex
	refused map[string]uint64 // by reason
	decided map[decided]uint64
	jumps   atomic.Uint64 // of the machine's clock
}

// decided is what the ledger said of an update. How many there were of each is not part of the state: a node counts what
// it applies.
type decided struct{ verdict, reason string }

func newCounters() *counters {
	return &counters{refused: map[string]uint64{}, decided: map[decided]uint64{}}
}

// decide counts an update that the ledger decided on.
func (c *counters) decide(d *ledger.Decision) {
	by := decided{verdict: d.Verdict.String()}
	if d.Verdict != ledger.Admitted {
		by.reason = d.Reason.String()
	}
	c.mu.Lock()
	c.decided[by]++
	c.mu.Unlock()
}

// decisions are the counts by verdict and reason.
func (c *counters) decisions() map[decided]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.decided)
}

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
