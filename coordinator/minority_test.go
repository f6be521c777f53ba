package coordinator

import (
	"testing"
	"testing/synctest"
	"time"
)

// A leader that is parted from the others commits nothing any more, while they go on with the workers on their side.
// When the network is whole again it takes over what they did: entry by entry, or by a snapshot where the log does not go
// back so far; its record has all rows in either case.
func TestMinorityNeverCommits(t *testing.T) {
	for name, bySnapshot := range map[string]bool{"by entries": false, "by a snapshot": true} {
		t.Run(name, func(t *testing.T) {
			cfg := lossy(t)
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, cfg, 3)
				l.tune = func(c *Config) {
					c.snapshotAfter, c.trailing = 1<<30, 1<<20
					if bySnapshot {
						c.snapshotAfter, c.trailing, c.segment = 2_000, 2, 4<<10
					}
				}
				b := keepBooks(l)
				l.begin(hosted)
				time.Sleep(10 * time.Second)
				for _, id := range l.ids { // one of them leads
					l.part(id, "worker-a")
					time.Sleep(time.Second) // what was on its way is there by now, or never will be
					alone := l.recorded(id)
					time.Sleep(5 * time.Second)
					if got := l.recorded(id); got != alone {
						t.Errorf("%s had %d entries when it was parted from the others, and made %d of them", id, alone, got)
					}
					l.heal()
					time.Sleep(3 * time.Second)
				}
				l.end()
				s, all := b.replayed()
				b.balance(all, hosted)
				b.alike(s)
				if got := l.gaps() > 0; got != bySnapshot {
					t.Errorf("entries are missing in a node's log: %v, want %v", got, bySnapshot)
				}
			})
		})
	}
}

// recorded is the newest entry in a node's recorded log.
func (l *lab) recorded(id string) (newest uint64) {
	l.t.Helper()
	for _, e := range l.entries(id) {
		newest = e
	}
	return newest
}

// entries are the entries in a node's recorded log.
func (l *lab) entries(id string) (all []uint64) {
	l.t.Helper()
	files, err := segments(l.dir + "/" + id + "/ledger")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, file := range files {
		err := readSegment(file, func(index uint64, _ []byte, _ int64) error {
			all = append(all, index)
			return nil
		})
		if err != nil {
			l.t.Fatal(err)
		}
	}
	return all
}

// gaps is how often entries are missing in the nodes' recorded logs, which came in a snapshot.
func (l *lab) gaps() (n int) {
	for _, id := range l.ids {
		last := uint64(0)
		for _, e := range l.entries(id) {
			if e != last+1 {
				n++
			}
			last = e
		}
	}
	return n
}
