package coordinator

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// How often a node looks at its machine's clock, and by how much it must be off to have been set: NTP slews it by half a
// millisecond a second.
const (
	clockEvery = time.Second
	clockJump  = 500 * time.Millisecond
)

// watchClock reports every jump of the machine's clock until ctx is done. The run does not go by that clock (see stamp); logs,
// certificates and whoever reads them do.
func (n *node[T]) watchClock(ctx context.Context) {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	last := time.Now()
	set := n.cfg.clock(last)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		shows := n.cfg.clock(now)
		if jump := shows.Sub(set) - now.Sub(last); jump.Abs() > clockJump {
			n.counts.jumps.Add(1)
			n.log.Warn("the machine's clock was set, or it slept; the run's time goes on as it did", zap.Duration("by", jump))
		}
		last, set = now, shows
	}
}

// wall is what the machine's clock showed at t, without the monotonic reading.
func wall(t time.Time) time.Time { return t.Round(0) }
