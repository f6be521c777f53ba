package coordinator

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/transport"
)

// order gives the leader an order, as weir nodes does, and returns what it says to that.
func (l *lab) order(c transport.Control) string {
	l.t.Helper()
	conn := l.net.Connect("operator")
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	answer, err := conn.Request(ctx, transport.NewSubjects(l.cfg.Name).Control(), transport.Encode(c))
	var reply transport.ControlReply
	if err == nil {
		err = transport.Decode(answer, &reply)
	}
	if err != nil {
		l.t.Fatalf("%+v: %v", c, err)
	}
	return reply.Error
}

// A node joins while the run goes on, from a snapshot, and counts for the majority: with it one of the first three can be
// removed and another die. An order ends the run, and all that are left have the same record, from version 0.
func TestMembership(t *testing.T) {
	cfg := load(t, small, "stop.versions=1000000", "evaluate.every=20", "clients.speed.median=1s")
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 3)
		l.tune = func(c *Config) {
			c.snapshotAfter, c.trailing, c.segment = 2_000, 2, 4<<10 // node-4 begins from a snapshot
			c.Join = c.Node == "node-4"
		}
		for _, id := range l.ids {
			l.startNode(id)
		}
		l.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
		time.Sleep(10 * time.Second)

		l.startNode("node-4")
		time.Sleep(time.Second)
		if said := l.order(transport.Control{Add: "node-4", Raft: "node-4"}); said != "" {
			t.Errorf("adding node-4: %s", said)
		}
		time.Sleep(5 * time.Second)
		if n := l.recorded("node-4"); n == 0 {
			t.Error("node-4 has recorded nothing")
		}

		var removed string // the leader does not remove itself
		for _, id := range l.ids {
			if said := l.order(transport.Control{Remove: id}); said == "" {
				removed = id
				break
			}
		}
		if removed == "" {
			t.Fatal("no node could be removed")
		}
		l.kill(removed)
		delete(l.nodes, removed)
		time.Sleep(5 * time.Second)
		var others []string
		for _, id := range []string{"node-1", "node-2", "node-3", "node-4"} {
			if id != removed {
				others = append(others, id)
			}
		}
		l.kill(others[0]) // two of three are left
		delete(l.nodes, others[0])
		others = others[1:]
		time.Sleep(10 * time.Second)

		if said := l.order(transport.Control{Stop: "by hand"}); said != "" {
			t.Errorf("stopping: %s", said)
		}
		l.end()
		first := l.summary(others[0])
		if first.StoppedBy != "by hand" || first.Versions < 10 {
			t.Errorf("stopped by %q after %d versions", first.StoppedBy, first.Versions)
		}
		for _, id := range others[1:] {
			for _, file := range []string{"updates.csv", "versions.csv"} {
				if l.file(id, file) != l.file(others[0], file) {
					t.Errorf("%s of %s is not that of %s", file, id, others[0])
				}
			}
		}
	})
}
