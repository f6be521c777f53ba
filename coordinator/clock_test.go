package coordinator

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that is set, forward or back, is counted, and the run's time goes on as it did.
func TestClockThatIsSet(t *testing.T) {
	cfg := load(t, small)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 1)
		var ahead atomic.Int64
		counts := newCounters()
		l.tune = func(c *Config) {
			c.counts = counts
			c.clock = func(t time.Time) time.Time { return wall(t).Add(time.Duration(ahead.Load())) }
		}
		l.startNode("node-1")
		l.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
		for _, by := range []time.Duration{time.Hour, -2 * time.Hour, 100 * time.Millisecond} { // the last is no jump
			time.Sleep(1200 * time.Millisecond)
			ahead.Add(int64(by))
		}
		l.end()
		if got := counts.jumps.Load(); got != 2 {
			t.Errorf("%d jumps, want 2", got)
		}
		if s := l.summary("node-1"); s.StoppedBy != "versions" || s.VirtualSeconds > 60 {
			t.Errorf("stopped by %s after %v s", s.StoppedBy, s.VirtualSeconds)
		}
	})
}
