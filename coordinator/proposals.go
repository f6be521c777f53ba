package coordinator

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// proposals puts entries into the log, many at a time: what is proposed while the log is busy waits, and goes with all
// that came meanwhile as one entry of raft's. So the disks of the nodes are waited for once for a batch, which is as large
// as they are slow. It belongs to the leader's loop; only landed may be called by others.
type proposals struct {
	raft    *raft.Raft
	batch   []byte
	usual   int // bytes of the batches of late: what the next is made for
	flying  atomic.Int32
	futures chan raft.ApplyFuture // of batches on their way, in order
}

const (
	fullBatch   = 512 << 10 // bytes with which a batch waits for nothing more
	busy        = 3         // batches on their way: the leader writes one, the others write one, all apply one
	mostFlying  = 64        // full batches on their way: more wait
	batchedHead = 4         // bytes before an entry of a batch: its length, little-endian
)

func newProposals(r *raft.Raft) *proposals {
	return &proposals{raft: r, futures: make(chan raft.ApplyFuture, mostFlying)}
}

// add has an entry go with the next batch, and sends the batch if that is full.
func (p *proposals) add(ctx context.Context, e entry) error {
	p.put(e)
	if len(p.batch) < fullBatch {
		return nil
	}
	return p.send(ctx)
}

// put adds an entry to the batch.
func (p *proposals) put(e entry) {
	at := len(p.batch)
	p.batch = e.append(append(p.batch, make([]byte, batchedHead)...))
	binary.LittleEndian.PutUint32(p.batch[at:], uint32(len(p.batch)-at-batchedHead))
}

// flush sends what there is, unless the log is busy: then the next batch that lands asks for it again.
func (p *proposals) flush(ctx context.Context) error {
	if len(p.batch) == 0 || p.flying.Load() >= busy {
		return nil
	}
	return p.send(ctx)
}

func (p *proposals) send(ctx context.Context) error {
	p.flying.Add(1)
	select {
	case p.futures <- p.apply():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// apply hands the batch to raft, which keeps it.
func (p *proposals) apply() raft.ApplyFuture {
	batch := p.batch
	p.usual = max(len(batch), p.usual-p.usual/8)
	p.batch = make([]byte, 0, p.usual)
	return p.raft.Apply(batch, 0)
}

// commit puts an entry into the log, with all that was proposed before, and waits until it has been applied here.
func (p *proposals) commit(e entry) error {
	p.put(e)
	return p.apply().Error()
}

// landed says that a batch is no longer on its way.
func (p *proposals) landed() { p.flying.Add(-1) }

// unbatch hands over the entries of a batch until one fails.
func unbatch(batch []byte, do func(entry []byte) error) error {
	for len(batch) > 0 {
		if len(batch) < batchedHead || uint64(len(batch)-batchedHead) < uint64(binary.LittleEndian.Uint32(batch)) {
			return fmt.Errorf("%w: a batch is cut short", errEntry)
		}
		n := batchedHead + int(binary.LittleEndian.Uint32(batch))
		if err := do(batch[batchedHead:n:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}
