package coordinator

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"weir/transport"
)

// link joins the ends of the network that are on the same side, and parts the others: raft's connections and the
// workers' alike.
func (l *lab) link() {
	for a, t := range l.rafts {
		for b, o := range l.rafts {
			switch {
			case a == b:
			case l.side[a] == l.side[b]:
				t.Connect(raft.ServerAddress(b), o)
			default:
				t.Disconnect(raft.ServerAddress(b))
			}
		}
	}
	ends := slices.Clone(l.ids)
	for name := range l.workers {
		ends = append(ends, name)
	}
	for i, a := range ends {
		for _, b := range ends[:i] {
			if l.side[a] == l.side[b] {
				l.net.Heal(a, b)
			} else {
				l.net.Cut(a, b)
			}
		}
	}
}

// part puts ends on a side of their own.
func (l *lab) part(ends ...string) {
	side := 1
	for _, other := range l.side {
		side = max(side, other+1)
	}
	for _, end := range ends {
		l.side[end] = side
	}
	l.link()
}

// heal joins everybody.
func (l *lab) heal() {
	clear(l.side)
	l.link()
}

var errKilled = errors.New("killed")

// kill ends a node or a worker that nobody hears any more before it ends: it can hand nothing over and say no goodbye.
// What it had on disk stays.
func (l *lab) kill(name string) {
	l.part(name)
	p := l.nodes[name]
	if p == nil {
		p = l.workers[name]
	}
	p.stop(errKilled)
	l.wants(name, p, errKilled, context.Canceled)
	delete(l.side, name)
	if t := l.rafts[name]; t != nil {
		delete(l.rafts, name)
		for _, o := range l.rafts {
			o.Disconnect(raft.ServerAddress(name))
		}
	}
}

// stop ends a node or a worker in good order.
func (l *lab) stop(name string) {
	p := l.nodes[name]
	if p == nil {
		p = l.workers[name]
	}
	p.stop(context.Canceled)
	l.wants(name, p, nil, context.Canceled)
	delete(l.rafts, name)
}

// wants waits for an end, which is to be one of these; a run that is over ends everybody with nil.
func (l *lab) wants(name string, p *process, any ...error) {
	l.t.Helper()
	err := <-p.done
	p.done <- err // for whoever waits for everybody
	for _, want := range any {
		if err == nil || errors.Is(err, want) {
			return
		}
	}
	l.t.Errorf("%s ended with %v", name, err)
}

// chaos is what goes wrong in a run, by chance that depends on a seed alone.
type chaos struct {
	l       *lab
	random  *rand.Rand
	hosted  map[string][]uint32
	crashes map[string]int // what went wrong how often
}

// faults are what the network does to messages while things go wrong.
var faults = transport.Faults{Latency: 5 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: .05, Duplicate: .05}

// begin starts everybody.
func (l *lab) begin(hosted map[string][]uint32) {
	for _, id := range l.ids {
		l.startNode(id)
	}
	for _, name := range sorted(hosted) {
		l.startWorker(name, hosted[name]...)
	}
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// pause lets things be for a while.
func (c *chaos) pause(mean time.Duration) {
	time.Sleep(mean/4 + time.Duration(c.random.ExpFloat64()*float64(mean)))
}

func (c *chaos) one(names []string) string { return names[c.random.IntN(len(names))] }

// strike does one thing wrong and puts it right again.
func (c *chaos) strike() {
	l := c.l
	workers := sorted(c.hosted)
	kinds := []string{"node killed", "node killed", "node stopped", "all nodes killed", "minority", "minority", "everybody alone", "worker killed", "worker stopped", "worker cut off"}
	what := c.one(kinds)
	c.crashes[what]++
	switch what {
	case "node killed", "node stopped":
		id := c.one(l.ids)
		if what == "node killed" {
			l.kill(id)
		} else {
			l.stop(id)
		}
		c.pause(time.Second)
		l.startNode(id)
	case "all nodes killed":
		for _, id := range l.ids {
			l.kill(id)
		}
		c.pause(time.Second)
		for _, id := range l.ids {
			l.startNode(id)
		}
	case "minority":
		apart := []string{c.one(l.ids)}
		for _, w := range workers {
			if c.random.IntN(2) == 0 {
				apart = append(apart, w)
			}
		}
		l.part(apart...)
		c.pause(3 * time.Second)
		l.heal()
	case "everybody alone":
		for _, id := range l.ids {
			l.part(id)
		}
		c.pause(time.Second)
		l.heal()
	case "worker cut off":
		l.part(c.one(workers))
		c.pause(6 * time.Second)
		l.heal()
	default:
		w := c.one(workers)
		if what == "worker killed" {
			l.kill(w)
		} else {
			l.stop(w)
		}
		c.pause(2 * time.Second)
		l.link()
		l.startWorker(w, c.hosted[w]...)
	}
}

// rage strikes again and again for a while, and leaves everything whole.
func (c *chaos) rage(during time.Duration) {
	c.l.net.SetFaults(faults)
	for began := time.Now(); time.Since(began) < during; {
		c.pause(2 * time.Second)
		c.strike()
	}
	c.l.net.SetFaults(transport.Faults{Latency: time.Millisecond})
}
