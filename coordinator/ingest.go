package coordinator

import (
	"context"
	"errors"

	"weir/compress"
	"weir/ledger"
	"weir/selection"
	"weir/transport"
	"weir/vec"
)

// maxGathered bounds the bytes of all updates that are being gathered; more is dropped, and comes again.
const maxGathered = 1 << 30

// update is one that is complete and verified, or one that was found faulty.
type update struct {
	client uint32
	seq    uint64
	base   uint64
	report transport.Report
	frames [][]byte
	fault  ledger.Reason
}

// entries are the update as entries of the log: its frames but the last, and the admission with the last.
func (u *update) entries(now int64) []entry {
	cosine := selection.Unknown()
	if u.report.Cosine != nil {
		cosine = *u.report.Cosine
	}
	a := &admission{
		command: ledger.Command{
			Kind: ledger.Admit, Time: now, Client: u.client, Seq: u.seq, Base: u.base, Samples: uint64(u.report.Samples),
			Loss: u.report.Loss, RMS: u.report.RMS, Cosine: cosine, Norm: u.report.Norm, Fault: u.fault,
		},
		report: u.report,
	}
	var all []entry
	if n := len(u.frames) - 1; n >= 0 {
		for _, frame := range u.frames[:n] {
			all = append(all, piece{u.client, u.seq, frame})
		}
		a.before, a.frame = uint32(n), u.frames[n]
	}
	return append(all, a)
}

// ingest gathers and verifies the updates that workers send. It belongs to the goroutine of its subscription.
type ingest[T vec.Float] struct {
	l         *lead[T]
	ctx       context.Context //nolint:containedctx // of the subscription's handler, which has no other way to get one
	gathering map[uint32]*update
	bytes     int
}

func newIngest[T vec.Float](ctx context.Context, l *lead[T]) *ingest[T] {
	return &ingest[T]{l: l, ctx: ctx, gathering: map[uint32]*update{}}
}

// handle takes one frame.
func (in *ingest[T]) handle(m transport.Message) {
	n := in.l.n
	client, ours := n.subjects.UpdateClient(m.Subject)
	n.mu.Lock()
	at := n.state.machine.Ledger.Standing(client)
	codec := n.state.machine.Model.Codec()
	n.mu.Unlock()
	if !ours || !at.Present {
		n.counts.refuse(ledger.UnknownClient.String())
		return
	}
	message, err := transport.DecodeFrame(m.Data)
	if err != nil || message.Report != nil && !message.Report.Sound() {
		in.fault(client, at, ledger.BadFrame, "malformed message")
		return
	}
	frame, rest, err := codec.Parse(message.Bytes)
	switch {
	case errors.Is(err, compress.ErrNotFinite):
		in.fault(client, at, ledger.NotFinite, ledger.NotFinite.String())
	case err != nil || len(rest) > 0:
		in.fault(client, at, ledger.BadFrame, reason(err))
	case frame.Client != client:
		n.counts.refuse("another client's update") // nobody's round ends with what somebody else made up
	case frame.Seq < at.Seq || frame.Seq == at.Seq && !at.Awaited:
		n.counts.refuse(ledger.NotAssigned.String())
		if frame.Fragment == 0 {
			in.l.tell(client)
		}
	case frame.Seq > at.Seq+uint64(n.cfg.Run.Local.Pipeline):
		n.counts.refuse(ledger.NotAssigned.String())
	default:
		in.gather(&frame, message)
	}
}

// reason names what is wrong with a frame in few words, for a label.
func reason(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{compress.ErrChecksum, "corrupt checksum"},
		{compress.ErrSize, "impossible size"},
		{compress.ErrLayout, "wrong shape"},
		{compress.ErrIndex, "index out of range"},
		{compress.ErrTruncated, "cut short"},
		{compress.ErrVersion, "unknown format"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return ledger.BadFrame.String()
}

// fault ends the round of a client that sent what cannot be read: whatever it meant, it is this one.
func (in *ingest[T]) fault(client uint32, at ledger.Standing, why ledger.Reason, name string) {
	in.l.n.counts.refuse(name)
	if at.Awaited {
		in.drop(client)
		in.deliver(&update{client: client, seq: at.Seq, fault: why})
	}
}

func (in *ingest[T]) drop(client uint32) {
	if u := in.gathering[client]; u != nil {
		for _, f := range u.frames {
			in.bytes -= len(f)
		}
		delete(in.gathering, client)
	}
}

// gather adds a verified frame to its update. One that comes out of turn is not kept: what is acknowledged tells the
// client where to go on.
func (in *ingest[T]) gather(f *compress.Frame, m transport.Frame) {
	u := in.gathering[f.Client]
	if f.Fragment == 0 && (u == nil || u.seq != f.Seq || u.base != f.Base) {
		if m.Report == nil {
			return
		}
		in.drop(f.Client)
		u = &update{client: f.Client, seq: f.Seq, base: f.Base, report: *m.Report}
		in.gathering[f.Client] = u
	}
	if u == nil || u.seq != f.Seq || u.base != f.Base || int(f.Fragment) > len(u.frames) {
		in.acknowledge(f, u)
		return
	}
	if int(f.Fragment) == len(u.frames) {
		if in.bytes+len(m.Bytes) > maxGathered {
			in.l.n.counts.refuse("busy")
			return
		}
		in.bytes += len(m.Bytes)
		u.frames = append(u.frames, m.Bytes)
	}
	if f.Fragments > 1 && (len(u.frames)%(transport.Window/4) == 0 || len(u.frames) == int(f.Fragments)) {
		in.acknowledge(f, u)
	}
	if len(u.frames) == int(f.Fragments) {
		in.drop(f.Client)
		in.deliver(u)
	}
}

// acknowledge tells a client how much of its update is here.
func (in *ingest[T]) acknowledge(f *compress.Frame, u *update) {
	n := in.l.n
	n.mu.Lock()
	home, known := in.l.home[f.Client]
	note := n.state.standing(f.Client)
	n.mu.Unlock()
	if !known {
		return
	}
	note.AckSeq = f.Seq
	if u != nil && u.seq == f.Seq {
		note.Received = uint32(len(u.frames))
	}
	n.publish(n.subjects.Worker(home), transport.Encode(transport.Notes{note}))
}

func (in *ingest[T]) deliver(u *update) {
	select {
	case in.l.updates <- u:
	case <-in.ctx.Done():
	}
}
