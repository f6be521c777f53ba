package coordinator

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"weir/compress"
	"weir/fleet"
	"weir/ledger"
	"weir/problem"
	"weir/problem/kinds"
	"weir/record"
	"weir/vec"
	"weir/worker"
)

// books are kept of all local work: what every client did that reached its file.
type books struct {
	l     *lab
	codec *compress.Codec[float64]
	p     problem.Problem[float64]

	mu    sync.Mutex
	done  [][]float64            // by client
	under map[uint32]undertaking // by client: its newest work, which may not have reached the file
}

type undertaking struct {
	seed  uint64
	delta []float64
}

func keepBooks(l *lab) *books {
	l.t.Helper()
	opened, err := kinds.Open(l.cfg, "")
	if err != nil {
		l.t.Fatal(err)
	}
	b := &books{l: l, p: opened.(problem.Problem[float64]), under: map[uint32]undertaking{}}
	if b.codec, err = compress.NewCodec[float64](l.cfg.Compress, b.p.Dim(), l.cfg.Seed); err != nil {
		l.t.Fatal(err)
	}
	for range b.p.Clients() {
		b.done = append(b.done, make([]float64, b.p.Dim()))
	}
	l.serve = b.serve
	return b
}

// counted is the problem of one life of a worker.
type counted struct {
	problem.Problem[float64]
	b *books
}

func (c counted) Operator() problem.Operator[float64] { return c }

func (c counted) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	report, err := c.Problem.Operator().Work(ctx, r, x, delta)
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	client := uint32(r.Client)
	if last, ok := c.b.under[client]; ok { // a client begins nothing before its last work is in its file
		vec.Add(c.b.done[client], last.delta)
	}
	c.b.under[client] = undertaking{r.Seed, append([]float64(nil), delta...)}
	return report, err
}

// serve is one life of a worker.
func (b *books) serve(ctx context.Context, cfg worker.Config) error {
	err := worker.Serve(ctx, cfg, problem.Problem[float64](counted{b.p, b}))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, client := range cfg.Clients {
		last, ok := b.under[client]
		delete(b.under, client)
		kept, err := worker.ReadKept(cfg, b.codec, client)
		if err != nil {
			b.l.t.Error(err)
		}
		if ok && kept != nil && b.holds(kept, client, last.seed) {
			vec.Add(b.done[client], last.delta)
		}
	}
	return err
}

// holds says whether the work of a round, known by its seed, is in a client's file.
func (b *books) holds(k *worker.Kept[float64], client uint32, seed uint64) bool {
	for seq := uint64(1); seq <= k.Settled; seq++ {
		if fleet.Round(b.l.cfg.Seed, client, seq) == seed {
			return true
		}
	}
	for seq := range k.Outbox {
		if fleet.Round(b.l.cfg.Seed, client, seq) == seed {
			return true
		}
	}
	return false
}

// told is one update that the log decided on.
type told struct {
	client  uint32
	seq     uint64
	verdict ledger.Verdict
	version uint64 // that it is in; 0 for none
	update  []byte
}

// replayed is what the recorded log of all nodes comes to.
func (b *books) replayed() (*state[float64], []told) {
	l := b.l
	l.t.Helper()
	s, err := newState(l.cfg, b.p, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	var all []told
	var frames []byte
	last := int64(0)
	err = readLog(l.logs(), func(index uint64, entry []byte) error {
		k, body, err := openEntry(entry)
		if err != nil {
			return err
		}
		var update []byte
		switch k {
		case entryFrame:
			p, err := decodePiece(body)
			if err != nil {
				return err
			}
			if compress.FragmentOf(p.frame) == 0 {
				frames = nil
			}
			frames = append(frames, p.frame...)
		case entryAdmit:
			a, err := decodeAdmission(body)
			if err != nil {
				return err
			}
			update = append(frames, a.frame...)
			frames = nil
			if a.command.Time < last {
				l.t.Errorf("entry %d: time fell from %d to %d", index, last, a.command.Time)
			}
			last = a.command.Time
		case entryCommand:
			c, _, err := ledger.DecodeCommand(body)
			if err != nil {
				return err
			}
			if c.Time < last {
				l.t.Errorf("entry %d: time fell from %d to %d", index, last, c.Time)
			}
			last = c.Time
		}
		e, err := s.apply(entry)
		if k == entryAdmit && e.decision != nil {
			all = append(all, told{client: e.command.Client, seq: e.command.Seq, verdict: e.decision.Verdict, update: update})
		}
		if e.decision == nil || e.decision.Commit == nil {
			return err
		}
		for _, u := range e.decision.Commit.Updates {
			for i := range all {
				if a := &all[i]; a.client == u.Client && a.seq == u.Seq && a.verdict == ledger.Admitted {
					if a.version > 0 {
						l.t.Errorf("client %d: update %d is in version %d and in version %d", u.Client, u.Seq, a.version, e.decision.Commit.Version)
					}
					a.version = e.decision.Commit.Version
				}
			}
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return s, all
}

// logs are the folders of the nodes' recorded logs.
func (l *lab) logs() (folders []string) {
	for _, id := range l.ids {
		folders = append(folders, filepath.Join(l.dir, id, "ledger"))
	}
	return folders
}

// balance checks the conservation law for every client: what was decoded, its error memory and its outbox add up to all
// its work; and that nothing was decoded twice.
func (b *books) balance(all []told, hosted map[string][]uint32) {
	b.l.t.Helper()
	for name, clients := range hosted {
		for _, client := range clients {
			b.account(all, client, b.l.worker(name, nil, clients...))
		}
	}
}

func (b *books) account(all []told, client uint32, cfg worker.Config) {
	t, codec := b.l.t, b.codec
	found := make([]float64, codec.Dim())
	mirror := codec.NewMirror()
	add := func(update []byte, weight float64) {
		for len(update) > 0 {
			f, rest, err := codec.Parse(update)
			if err != nil {
				t.Fatal(err)
			}
			if codec.Mirrored() {
				codec.Advance(mirror, found, weight, f)
			} else {
				codec.Add(found, weight, f)
			}
			update = rest
		}
	}
	decoded := map[uint64]bool{}
	for _, a := range all {
		if a.client != client || !a.verdict.Decoded() {
			continue
		}
		if decoded[a.seq] {
			t.Errorf("client %d: update %d was decoded twice", client, a.seq)
		}
		decoded[a.seq] = true
		weight := 1.0
		if a.verdict == ledger.Late {
			weight = 0
		}
		add(a.update, weight)
	}
	k, err := worker.ReadKept(cfg, codec, client)
	if err != nil || k == nil {
		t.Fatalf("client %d: %v, %v", client, k, err)
	}
	for seq, update := range k.Outbox {
		if !decoded[seq] {
			add(update, 1)
		}
	}
	if owed := k.Memory.Owed(); owed != nil {
		vec.Add(found, owed)
	}
	norm := math.Sqrt(vec.Norm2(b.done[client]))
	for j, want := range b.done[client] {
		if math.Abs(found[j]-want) > 1e-9*norm {
			t.Errorf("client %d did %v in coordinate %d, %v is accounted for", client, want, j, found[j])
			return
		}
	}
}

// alike checks that all nodes end with the same record and the same model, which is that of s.
func (b *books) alike(s *state[float64]) record.Summary {
	l := b.l
	l.t.Helper()
	want := l.summary(l.ids[0])
	if digest := s.machine.Model.Digest(); digest != want.ModelDigest {
		l.t.Errorf("the log leads to %.12s, %s ends with %.12s", digest, l.ids[0], want.ModelDigest)
	}
	for _, file := range []string{"versions.csv", "updates.csv"} {
		first := l.file(l.ids[0], file)
		for _, id := range l.ids[1:] {
			if l.file(id, file) != first {
				l.t.Errorf("%s of %s is not that of %s", file, id, l.ids[0])
			}
		}
	}
	for _, id := range l.ids[1:] {
		if got := l.summary(id); got.ModelDigest != want.ModelDigest || got.Updates != want.Updates {
			l.t.Errorf("%s ends with %.12s %+v, %s with %.12s %+v", id, got.ModelDigest, got.Updates, l.ids[0], want.ModelDigest, want.Updates)
		}
	}
	return want
}

// file is what a file of a node's record holds.
func (l *lab) file(id, name string) string {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, id, "run", name))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
