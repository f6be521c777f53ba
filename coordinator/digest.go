package coordinator

import (
	"context"
	"fmt"

	"weir/ledger"
	"weir/vec"
)

// Nodes that were fed the same log hold the same bits. Every coordinator.checkpoint_every versions, or every version where
// frames are recorded, each node digests the version that it made; the leader's digest goes into the log, and a node
// whose own differs stops with an error that says so, before its state can spread.

// digests are the latest that this node made, and the latest that the log brought. The node's lock guards them.
type digests struct {
	own []digested
	log []digested
}

// keptDigests is how many digests are remembered: a leader's digest comes within a few versions.
const keptDigests = 64

// digestJob is a version to be digested.
type digestJob[T vec.Float] struct{ version *ledger.Version[T] }

func (d *digests) find(in []digested, version uint64) (string, bool) {
	for _, x := range in {
		if x.Version == version {
			return x.Digest, true
		}
	}
	return "", false
}

func keep(in []digested, x digested) []digested {
	if len(in) == keptDigests {
		copy(in, in[1:])
		in = in[:keptDigests-1]
	}
	return append(in, x)
}

// mine takes what this node made of a version, and compares it.
func (d *digests) mine(x digested) error {
	d.own = keep(d.own, x)
	other, known := d.find(d.log, x.Version)
	return differ(x.Version, x.Digest, other, known)
}

// leader takes what the log says of a version, and compares it.
func (d *digests) leader(version uint64, digest string) error {
	d.log = keep(d.log, digested{version, digest})
	own, known := d.find(d.own, version)
	return differ(version, own, digest, known)
}

func differ(version uint64, own, leader string, known bool) error {
	if !known || own == leader {
		return nil
	}
	return fmt.Errorf("coordinator: version %d is %.12s here and %.12s on the leader: this node's state is damaged; remove its folder and start it again, it gets a copy", version, own, leader)
}

// newest is the newest digest that this node made.
func (d *digests) newest() digested {
	if len(d.own) == 0 {
		return digested{}
	}
	return d.own[len(d.own)-1]
}

// digest has a version digested if it is its turn. The caller holds the lock. Where frames are recorded it is done at
// once, so that no version is left out; else in the background, and a version is left out while others are waiting.
func (n *node[T]) digest(version uint64) {
	model := n.state.machine.Model
	switch {
	case n.recorder != nil:
		n.digested(digested{version, model.Digest()})
	case version%uint64(n.cfg.Run.Coordinator.CheckpointEvery) == 0:
		job := digestJob[T]{model.Hold(model.Newest())}
		select {
		case n.digesting <- job:
		default:
			model.Release(job.version)
		}
	}
}

// digester digests in the background.
func (n *node[T]) digester(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-n.digesting:
			x := digested{job.version.Number, ledger.Digest(job.version.X)}
			n.mu.Lock()
			n.state.machine.Model.Release(job.version)
			n.digested(x)
			n.mu.Unlock()
		}
	}
}

// digested compares a digest of this node's, and a leader puts it into the log. The caller holds the lock.
func (n *node[T]) digested(x digested) {
	if err := n.checks.mine(x); err != nil {
		n.breakDown(err)
		return
	}
	if l := n.lead; l != nil {
		l.digested = append(l.digested, x)
		l.poke()
	}
}
