package coordinator

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A node whose disk is full says so and ends, whether it leads or not; the others go on, and once there is room again it
// comes back and ends with what they have.
func TestFullDiskEndsOneNode(t *testing.T) {
	cfg := lossy(t)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 3)
		var mu sync.Mutex
		full := ""
		l.tune = func(c *Config) {
			name := c.Node
			c.disk = func() error {
				mu.Lock()
				defer mu.Unlock()
				if full == name {
					return syscall.ENOSPC
				}
				return nil
			}
		}
		fill := func(name string) {
			mu.Lock()
			full = name
			mu.Unlock()
		}
		b := keepBooks(l)
		l.begin(hosted)
		for _, id := range l.ids { // one of them leads
			time.Sleep(3 * time.Second)
			before := l.newest(id)
			fill(id)
			err := <-l.nodes[id].done
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "node "+id+": its log cannot be written") {
				t.Errorf("%s ended with %v", id, err)
			}
			delete(l.rafts, id)
			time.Sleep(5 * time.Second)
			if after := l.newest(id); after <= before {
				t.Errorf("nothing was committed while the disk of %s was full: %d entries, then %d", id, before, after)
			}
			fill("")
			l.startNode(id)
		}
		l.end()
		s, all := b.replayed()
		b.balance(all, hosted)
		b.alike(s)
	})
}

// newest is the newest entry in the recorded log of any node but one.
func (l *lab) newest(but string) (newest uint64) {
	for _, id := range l.ids {
		if id != but {
			newest = max(newest, l.recorded(id))
		}
	}
	return newest
}
