package worker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/aggregate"
	"weir/compress"
	"weir/config"
	"weir/ledger"
	"weir/transport"
)

// leader stands for a whole coordinator: a ledger that decides, in front of it nodes that take turns in leading it. What
// a node has gathered of an update is gone with it.
type leader struct {
	t        *testing.T
	cfg      config.Config
	network  *transport.Memory
	subjects transport.Subjects
	random   *rand.Rand
	lease    time.Duration
	damaged  float64 // share of the updates that verification finds damaged
	lastBeat bool    // whether the run's end is told by beats; else only by answers to hello

	work chan func() // all that follows belongs to the goroutine that runs these
	done chan struct{}
	gone chan struct{}

	began     time.Time
	machine   *ledger.Machine[float64]
	down      *compress.Codec[float64]
	encoder   *compress.Encoder[float64]
	published []edition

	conn    transport.Conn
	node    string
	term    uint64
	clients []*seat
	started bool

	mute     bool              // whether no frame is acknowledged, and nothing told unasked but beats
	refusal  string            // the answer to every hello
	hellos   []transport.Hello // with Held or Config
	heldAt   map[uint32]map[uint64]time.Duration
	arrived  map[uint32][]uint32 // by client: fragments in the order in which they came
	verbatim map[string][]byte   // every frame as it came first: it must never come otherwise

	admits []admit
	counts struct{ void, refused, late, committed int }
}

// seat is what the leader knows of a client.
type seat struct {
	worker    string
	heard     time.Time
	present   bool
	seq, base uint64
	awaited   bool
	outcomes  []transport.Outcome
	epoch     uint32

	ahead     func() // admits an update that came before it was awaited
	aheadSeq  uint64
	gatherSeq uint64
	gathered  [][]byte
	report    *transport.Report
}

// edition is one version as clients get it.
type edition struct {
	x      []float64
	frames []byte
}

// admit is one update that was decoded.
type admit struct {
	client  uint32
	seq     uint64
	base    uint64
	at      time.Duration
	verdict ledger.Verdict
	report  transport.Report
	update  []byte
}

func newLeader(t *testing.T, cfg config.Config, start []float64, network *transport.Memory, seed uint64) *leader {
	t.Helper()
	machine, err := ledger.NewMachine(cfg.Ledger(), cfg.Compress, cfg.Outer, start)
	if err != nil {
		t.Fatal(err)
	}
	down, err := compress.NewCodec[float64](cfg.Compress.Down.Config(), len(start), ^cfg.Seed)
	if err != nil {
		t.Fatal(err)
	}
	l := &leader{
		t: t, cfg: cfg, network: network, subjects: transport.NewSubjects(cfg.Name), random: rand.New(rand.NewPCG(seed, 1)),
		lease: transport.Lease, lastBeat: true, heldAt: map[uint32]map[uint64]time.Duration{},
		arrived: map[uint32][]uint32{}, verbatim: map[string][]byte{},
		work: make(chan func()), done: make(chan struct{}), gone: make(chan struct{}),
		began: time.Now(), machine: machine, down: down, encoder: down.NewEncoder(),
		published: []edition{{x: slices.Clone(start)}},
	}
	for range cfg.Clients.Count {
		l.clients = append(l.clients, &seat{})
	}
	l.takeOver()
	go l.run()
	return l
}

// close ends the leader.
func (l *leader) close() {
	close(l.done)
	<-l.gone
	l.conn.Close()
}

// do runs f where all state may be touched, and waits for it.
func (l *leader) do(f func()) {
	over := make(chan struct{})
	select {
	case l.work <- func() { f(); close(over) }:
		<-over
	case <-l.gone:
		f()
	}
}

func (l *leader) run() {
	defer close(l.gone)
	beat := time.NewTicker(transport.BeatEvery)
	defer beat.Stop()
	for {
		due := time.Hour
		if at := l.machine.Ledger.Due(); at != aggregate.Never {
			due = max(0, time.Duration(at)-time.Since(l.began))
		}
		select {
		case <-l.done:
			return
		case f := <-l.work:
			f()
		case <-time.After(due):
			l.tell(ledger.Command{Kind: ledger.Tick})
		case <-beat.C:
			l.beat()
			l.expire()
		}
	}
}

// takeOver makes another node lead.
func (l *leader) takeOver() {
	old := l.conn
	l.term++
	l.node = fmt.Sprintf("node-%d", l.term)
	l.conn = l.network.Connect(l.node)
	for _, s := range l.clients {
		s.gatherSeq, s.gathered, s.report, s.ahead = 0, nil, nil, nil
	}
	if old != nil {
		go old.Close() // its handlers may be waiting for us
	}
	conn := l.conn
	listen := func(subject, group string, handle func(transport.Message)) {
		_, err := conn.Subscribe(subject, group, func(m transport.Message) {
			select {
			case l.work <- func() {
				if conn == l.conn {
					handle(m)
				}
			}:
			case <-l.gone:
			}
		})
		if err != nil {
			l.t.Error(err)
		}
	}
	listen(l.subjects.Hellos(), "", l.hello)
	listen(l.subjects.Updates(), "", l.frame)
	listen(l.subjects.Fetch(), "nodes", l.want)
	listen(l.subjects.FetchFrom(l.node), "", l.part)
	l.beat()
}

func (l *leader) beatNow() transport.Beat {
	b := transport.Beat{Node: l.node, Term: l.term, Version: l.machine.Ledger.Version()}
	b.Stopped = l.machine.Ledger.Stopped()
	return b
}

func (l *leader) beat() {
	b := l.beatNow()
	if !l.lastBeat {
		b.Stopped = ""
	}
	l.send(l.subjects.Beat(), b)
}

func (l *leader) send(subject string, v any) {
	if err := l.conn.Publish(subject, transport.Encode(v)); err != nil {
		l.t.Error(err)
	}
}

// expire gives up the clients of workers that were not heard for their lease.
func (l *leader) expire() {
	for id, s := range l.clients {
		if s.present && time.Since(s.heard) > l.lease {
			l.leave(uint32(id), s)
		}
	}
}

func (l *leader) leave(id uint32, s *seat) {
	s.present = false
	if s.awaited {
		l.counts.void++
	}
	s.awaited = false
	l.tell(ledger.Command{Kind: ledger.Leave, Client: id})
}

func (l *leader) hello(m transport.Message) {
	var h transport.Hello
	if err := transport.Decode(m.Data, &h); err != nil {
		l.t.Error(err)
		return
	}
	sync := transport.Sync{Refused: l.refusal}
	l.hellos = append(l.hellos, h)
	for _, k := range h.Clients {
		s := l.clients[k.Client]
		s.worker, s.heard = h.Worker, time.Now()
		if l.heldAt[k.Client] == nil {
			l.heldAt[k.Client] = map[uint64]time.Duration{}
		}
		if _, known := l.heldAt[k.Client][k.Held]; !known {
			l.heldAt[k.Client][k.Held] = time.Since(l.began)
		}
		switch {
		case h.Leaving && s.present:
			l.leave(k.Client, s)
		case !h.Leaving && !s.present:
			s.present = true
			l.tell(ledger.Command{Kind: ledger.Register, Client: k.Client, Samples: k.Samples, Cycle: k.Cycle})
		}
	}
	for _, s := range l.clients {
		if s.worker == "" {
			sync.Waiting++
		}
	}
	if sync.Waiting == 0 && !l.started {
		l.started = true
		l.tell(ledger.Command{Kind: ledger.Start})
	}
	for _, k := range h.Clients {
		sync.Clients = append(sync.Clients, l.standing(k.Client))
	}
	sync.Beat = l.beatNow()
	l.send(m.Reply, sync)
}

// frame gathers one frame of an update, and admits the update when it is whole.
func (l *leader) frame(m transport.Message) {
	id, ok := l.subjects.UpdateClient(m.Subject)
	f, err := transport.DecodeFrame(m.Data)
	if !ok || err != nil {
		l.t.Errorf("%s: %v", m.Subject, err)
		return
	}
	codec := l.machine.Model.Codec()
	frame, _, err := codec.Parse(f.Bytes)
	if err != nil || frame.Client != id {
		l.t.Errorf("client %d sent %+v: %v", id, frame.Header, err)
		return
	}
	l.arrived[id] = append(l.arrived[id], frame.Fragment)
	key := fmt.Sprint(id, frame.Seq, frame.Fragment)
	if first := l.verbatim[key]; first == nil {
		l.verbatim[key] = f.Bytes
	} else if !codec.Ordered() && !bytes.Equal(first, f.Bytes) { // else its work may have been done again
		l.t.Errorf("round %d of client %d came in other bytes than before", frame.Seq, id)
	}
	s := l.clients[id]
	if s.gatherSeq != frame.Seq {
		if frame.Fragment != 0 {
			return
		}
		s.gatherSeq, s.gathered, s.report = frame.Seq, nil, nil
	}
	switch int(frame.Fragment) {
	case len(s.gathered):
		s.gathered = append(s.gathered, slices.Clone(f.Bytes))
		if f.Report != nil {
			s.report = f.Report
		}
	default: // twice, or after one that was lost
	}
	l.note(transport.Note{Client: id, AckSeq: s.gatherSeq, Received: uint32(len(s.gathered))})
	if len(s.gathered) < codec.Fragments() {
		return
	}
	update, report := slices.Concat(s.gathered...), s.report
	s.gatherSeq, s.gathered, s.report = 0, nil, nil
	if frame.Seq > s.seq {
		s.aheadSeq, s.ahead = frame.Seq, func() { l.admit(id, s, frame.Header, update, report) }
		return
	}
	l.admit(id, s, frame.Header, update, report)
}

func (l *leader) admit(id uint32, s *seat, h compress.Header, update []byte, report *transport.Report) {
	sent := update
	if l.random.Float64() < l.damaged {
		sent = slices.Clone(update)
		sent[len(sent)-1] ^= 1
	}
	c := ledger.Command{
		Kind: ledger.Admit, Client: id, Seq: h.Seq, Base: h.Base, Samples: uint64(report.Samples), Loss: report.Loss, Norm: report.Norm,
	}
	c.Time = int64(time.Since(l.began))
	d := l.machine.Apply(c, sent)
	if d.Verdict.Decoded() {
		l.admits = append(l.admits, admit{id, h.Seq, h.Base, time.Since(l.began), d.Verdict, *report, update})
		s.epoch = h.Epoch
	}
	if h.Seq == s.seq && d.Verdict != ledger.Duplicate {
		s.awaited = false
	}
	l.outcome(id, transport.Outcome{Seq: h.Seq, Verdict: d.Verdict, Reason: d.Reason})
	l.follow(d)
}

// outcome tells what became of an update, and remembers the last two.
func (l *leader) outcome(id uint32, o transport.Outcome) {
	l.note(transport.Note{Client: id, Outcomes: []transport.Outcome{o}})
	if o.Verdict == ledger.Duplicate {
		return
	}
	s := l.clients[id]
	at := slices.IndexFunc(s.outcomes, func(old transport.Outcome) bool { return old.Seq == o.Seq })
	switch {
	case at < 0:
		s.outcomes = append(s.outcomes, o)
	case s.outcomes[at].Verdict == ledger.Admitted && o.Verdict != ledger.Admitted:
		return
	default:
		s.outcomes[at] = o
	}
	if n := len(s.outcomes); n > 2 {
		s.outcomes = slices.Clone(s.outcomes[n-2:])
	}
	switch {
	case o.Verdict == ledger.Refused:
		l.counts.refused++
	case o.Verdict == ledger.Late:
		l.counts.late++
	case o.Version > 0:
		l.counts.committed++
	}
}

// standing is all there is to know of a client.
func (l *leader) standing(id uint32) transport.Note {
	s := l.clients[id]
	n := transport.Note{Client: id, Seq: s.seq, Base: s.base, Awaited: s.awaited, Outcomes: slices.Clone(s.outcomes), Epoch: s.epoch}
	if !l.mute {
		n.AckSeq, n.Received = s.gatherSeq, uint32(len(s.gathered))
	}
	return n
}

// note tells news of a client, now and then with all else there is to know.
func (l *leader) note(n transport.Note) {
	if l.mute {
		return
	}
	if l.random.IntN(2) == 0 {
		all := l.standing(n.Client)
		n.Seq, n.Base, n.Awaited, n.Epoch, n.Outcomes = all.Seq, all.Base, all.Awaited, all.Epoch, append(all.Outcomes, n.Outcomes...)
	}
	l.send(l.subjects.Worker(l.clients[n.Client].worker), transport.Notes{n})
}

func (l *leader) tell(c ledger.Command) {
	c.Time = int64(time.Since(l.began))
	l.follow(l.machine.Apply(c, nil))
}

// follow tells the workers what was decided.
func (l *leader) follow(d *ledger.Decision) {
	if d.Commit != nil {
		l.publish(d.Commit.Version)
		for _, e := range d.Commit.Updates {
			l.outcome(e.Client, transport.Outcome{Seq: e.Seq, Verdict: ledger.Admitted, Version: d.Commit.Version})
		}
	}
	stopped := d.Stopped != ""
	var early []func()
	for _, a := range d.Assign {
		s := l.clients[a.Client]
		s.seq, s.base, s.awaited = a.Seq, a.Base, true
		l.note(transport.Note{Client: a.Client, Seq: a.Seq, Base: a.Base, Awaited: true})
		if s.ahead != nil && s.aheadSeq <= s.seq {
			if s.aheadSeq == s.seq {
				early = append(early, s.ahead)
			}
			s.ahead = nil
		}
	}
	if stopped {
		l.beat()
	}
	for _, admit := range early { // the decision is not valid any more after the first
		admit()
	}
}

// publish encodes a version for the clients, as the server's error feedback has it.
func (l *leader) publish(number uint64) {
	last := l.published[number-1].x
	gap := make([]float64, len(last))
	for i, x := range l.machine.Model.Newest().X {
		gap[i] = x - last[i]
	}
	frames, _, err := l.encoder.Encode(nil, compress.ID{Seq: number}, nil, gap)
	if err != nil {
		l.t.Error(err)
	}
	next := slices.Clone(last)
	for rest := frames; len(rest) > 0; {
		f, after, err := l.down.Parse(rest)
		if err != nil {
			l.t.Error(err)
			return
		}
		l.down.Add(next, 1, f)
		rest = after
	}
	l.published = append(l.published, edition{next, frames})
}

// offer is what a node has for somebody who holds the version before have: parts of one frame each.
func (l *leader) offer(have uint64) (transport.Offer, [][]byte) {
	newest := uint64(len(l.published) - 1)
	o := transport.Offer{Node: l.node, Version: newest, Whole: have == 0 || newest-have+1 > 3}
	var all []byte
	codec := l.down
	if o.Whole {
		whole, err := compress.NewCodec[float64](compress.DefaultConfig(), len(l.published[0].x), l.cfg.Seed)
		if err != nil {
			l.t.Error(err)
		}
		codec = whole
		all, _, err = whole.NewEncoder().Encode(nil, compress.ID{Seq: newest}, nil, l.published[newest].x)
		if err != nil {
			l.t.Error(err)
		}
	} else {
		for v := have; v <= newest; v++ {
			all = append(all, l.published[v].frames...)
		}
	}
	var parts [][]byte
	for rest := all; len(rest) > 0; {
		_, after, err := codec.Parse(rest)
		if err != nil {
			l.t.Error(err)
			return o, nil
		}
		parts = append(parts, rest[:len(rest)-len(after)])
		rest = after
	}
	o.Parts, o.Bytes = len(parts), len(all)
	return o, parts
}

func (l *leader) want(m transport.Message) {
	var w transport.Want
	if err := transport.Decode(m.Data, &w); err != nil {
		l.t.Error(err)
		return
	}
	o, parts := l.offer(w.Have)
	if o.Version < w.AtLeast || o.Version < w.Have {
		l.reply(m, transport.AppendOffer(nil, transport.Offer{Node: l.node, Version: o.Version, Behind: true}, nil))
		return
	}
	l.reply(m, transport.AppendOffer(nil, o, parts[0]))
}

func (l *leader) part(m transport.Message) {
	var p transport.Part
	if err := transport.Decode(m.Data, &p); err != nil {
		l.t.Error(err)
		return
	}
	o, parts := l.offer(p.Have)
	if o.Version != p.Version || o.Whole != p.Whole {
		l.reply(m, nil) // it has moved on
		return
	}
	l.reply(m, parts[p.Part])
}

func (l *leader) reply(m transport.Message, b []byte) {
	if err := l.conn.Publish(m.Reply, b); err != nil {
		l.t.Error(err)
	}
}
