package coordinator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"weir/compress"
	"weir/ledger"
	"weir/transport"
)

// history is what workers see of the ledger: their updates, from the first frame that is sent to the news of what became
// of it, and the versions that they read. Its clock counts what happens.
type history struct {
	l        *lab
	subjects transport.Subjects
	codec    *compress.Codec[float64]

	mu    sync.Mutex
	clock int64
	ops   []porcupine.Operation
	open  map[round]int // operations of updates
	over  map[round]transport.Outcome
	bytes map[round]string
}

type round struct {
	client uint32
	seq    uint64
}

// asked is an operation's input: an update, or a read of a version that is to be at least so new.
type asked struct {
	update  bool
	round   round
	worker  string
	atLeast uint64
}

// answered is an operation's output: the version that an update is in, 0 if it is in none, or the version that was read.
type answered struct{ version uint64 }

func watch(l *lab, codec *compress.Codec[float64]) *history {
	h := &history{l: l, subjects: transport.NewSubjects(l.cfg.Name), codec: codec, open: map[round]int{}, over: map[round]transport.Outcome{}, bytes: map[round]string{}}
	l.wire = func(name string, c transport.Conn) transport.Conn { return watched{c, name, h} }
	return h
}

// watched is a worker's connection.
type watched struct {
	transport.Conn
	name string
	h    *history
}

func (w watched) Publish(subject string, data []byte) error {
	if client, ok := w.h.subjects.UpdateClient(subject); ok {
		w.h.published(w.name, client, data)
	}
	return w.Conn.Publish(subject, data)
}

func (w watched) Subscribe(subject, group string, handle func(transport.Message)) (transport.Subscription, error) {
	return w.Conn.Subscribe(subject, group, func(m transport.Message) {
		var notes transport.Notes
		if m.Subject == w.h.subjects.Worker(w.name) && transport.Decode(m.Data, &notes) == nil {
			w.h.told(notes)
		}
		handle(m)
	})
}

func (w watched) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	var want transport.Want
	reads := subject == w.h.subjects.Fetch() && transport.Decode(data, &want) == nil
	began := w.h.tick()
	answer, err := w.Conn.Request(ctx, subject, data)
	var sync transport.Sync
	switch {
	case err != nil:
	case reads:
		if o, _, err := transport.DecodeOffer(answer); err == nil && !o.Behind {
			w.h.read(asked{worker: w.name, atLeast: want.AtLeast}, began, o.Version)
		}
	case subject == w.h.subjects.Hello(w.name) && transport.Decode(answer, &sync) == nil:
		w.h.told(sync.Clients)
	}
	return answer, err
}

func (h *history) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

func (h *history) published(worker string, client uint32, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := transport.DecodeFrame(data)
	if err != nil {
		h.l.t.Error(err)
		return
	}
	f, _, err := h.codec.Parse(m.Bytes)
	if err != nil {
		h.l.t.Error(err)
		return
	}
	key := round{client, f.Seq}
	if first, ok := h.bytes[key]; ok {
		if first != string(m.Bytes) {
			h.l.t.Errorf("client %d sends its update %d again with other bytes", client, f.Seq)
		}
		return
	}
	h.clock++
	h.bytes[key], h.open[key] = string(m.Bytes), len(h.ops)
	h.ops = append(h.ops, porcupine.Operation{ClientId: int(client), Input: asked{update: true, round: key, worker: worker}, Call: h.clock, Return: -1})
}

// told takes in what a worker is told of its clients. News of an update never contradict each other.
func (h *history) told(notes transport.Notes) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range notes {
		for _, o := range n.Outcomes {
			key := round{n.Client, o.Seq}
			at, sent := h.open[key]
			if !o.Settled() || o.Verdict == ledger.Duplicate || !sent {
				continue
			}
			if before, ok := h.over[key]; ok {
				if before != o {
					h.l.t.Errorf("client %d is told of its update %d: %+v, before: %+v", n.Client, o.Seq, o, before)
				}
				continue
			}
			h.clock++
			h.over[key] = o
			h.ops[at].Output, h.ops[at].Return = answered{o.Version}, h.clock
		}
	}
}

func (h *history) read(in asked, began int64, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	h.ops = append(h.ops, porcupine.Operation{ClientId: 1000, Input: in, Call: began, Output: answered{version}, Return: h.clock})
}

// close gives every update of which nobody was told what the record says of it, some time after all else.
func (h *history) close(committed map[round]uint64) {
	for i := range h.ops {
		if o := &h.ops[i]; o.Return < 0 {
			h.clock++
			o.Output, o.Return = answered{committed[o.Input.(asked).round]}, h.clock
		}
		h.ops[i].ClientId = i // clients of porcupine's do one thing at a time, ours may have an update under way twice over
	}
}

// right says what a ledger may answer: an update is in one version, the newest or the next, a read is of a version that
// was made, and as new as was asked for.
func right() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return newestSeen{} },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(newestSeen), input.(asked), output.(answered)
			switch {
			case in.update && out.version == 0:
				return true, s
			case in.update:
				if out.version != s.version && out.version != s.version+1 {
					return false, s
				}
				return true, newestSeen(out)
			}
			return out.version >= in.atLeast && out.version <= s.version, s
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
	}
}

// newestSeen is the model's state: the newest version.
type newestSeen struct{ version uint64 }

// The history of a cluster in which everything goes wrong is that of one ledger: there is an order of all that workers
// asked for, each thing between the asking and the answer, in which versions come one after another. Fifty runs with
// WEIR_SEEDS=50, a few without.
func TestHistoryIsLinearizable(t *testing.T) {
	seeds := 5
	if s, err := strconv.Atoi(os.Getenv("WEIR_SEEDS")); err == nil {
		seeds = s
	}
	cfg := lossy(t)
	for seed := range seeds {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			var h *history
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, cfg, 3)
				l.tune = func(c *Config) { c.snapshotAfter, c.trailing, c.segment = 20_000, 16, 8<<10 }
				b := keepBooks(l)
				h = watch(l, b.codec)
				c := &chaos{l: l, random: rand.New(rand.NewPCG(uint64(seed), 1)), hosted: hosted, crashes: map[string]int{}}
				l.begin(hosted)
				c.rage(30 * time.Second)
				l.end()
				s, all := b.replayed()
				b.balance(all, hosted)
				b.alike(s)
				h.close(h.compare(t, all))
			})
			result := porcupine.CheckOperationsTimeout(right(), h.ops, 30*time.Second)
			if result != porcupine.Ok {
				t.Errorf("%d operations: %v", len(h.ops), result)
			}
		})
	}
}

// compare checks that everybody was told the truth, and returns which version each committed update is in.
func (h *history) compare(t *testing.T, all []told) map[round]uint64 {
	t.Helper()
	committed := map[round]uint64{}
	for _, a := range all {
		if a.version > 0 {
			committed[round{a.client, a.seq}] = a.version
		}
	}
	n := 0
	for key, o := range h.over {
		if o.Version != committed[key] {
			t.Errorf("client %d was told that its update %d is in version %d, it is in %d", key.client, key.seq, o.Version, committed[key])
		}
		if o.Version > 0 {
			n++
		}
	}
	t.Logf("%d updates are committed, their clients were told of %d; %d operations", len(committed), n, len(h.ops))
	if n < 30 {
		t.Errorf("hardly anybody was told anything: %d of %d", n, len(committed))
	}
	return committed
}
