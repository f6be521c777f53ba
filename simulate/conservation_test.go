package simulate

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"weir/fleet"
	"weir/ledger"
	"weir/problem"
	"weir/problem/kinds"
	"weir/record"
	"weir/vec"
)

// ledgerOfWork adds up, per client, all local work that was ever done.
type ledgerOfWork struct {
	problem.Problem[float64]
	mu   sync.Mutex
	done [][]float64
}

func (w *ledgerOfWork) Operator() problem.Operator[float64] {
	return countedWork{w, w.Problem.Operator()}
}

type countedWork struct {
	*ledgerOfWork
	operator problem.Operator[float64]
}

func (o countedWork) Work(ctx context.Context, r problem.Round, x, delta []float64) (problem.Report, error) {
	report, err := o.operator.Work(ctx, r, x, delta)
	o.mu.Lock()
	defer o.mu.Unlock()
	vec.Add(o.done[r.Client], delta)
	return report, err
}

// arrivals keeps every update that arrived and, from the rows, what became of it.
type arrivals struct {
	rows
	sent    map[[2]uint64][]byte
	verdict map[[2]uint64]string
}

func (a *arrivals) Update(u record.UpdateRow) error {
	a.verdict[[2]uint64{uint64(u.Client), u.Seq}] = u.Verdict
	return a.rows.Update(u)
}

// The conservation law: what was committed, what is in the open window or on its way, and what is in the error
// memories add up to all local work, through late and damaged updates, dropouts in every phase, and returns; with a pipeline too, where under a rule with h
// a refused update takes the one that was made after it along.
func TestNothingIsLost(t *testing.T) {
	for _, rule := range []string{
		"{kind: identity, feedback: none}",
		"{kind: topk, k: 3, values: fp32, feedback: ec}",
		"{kind: topk, k: 3, values: int8, feedback: ec}",
		"{kind: topk, k: 3, values: fp32, feedback: econtrol, eta: 0.1}",
		"{kind: topk, k: 3, values: int4, feedback: econtrol}",
		"{kind: sign, feedback: econtrol, eta: 0.05, budget: 300B}",
	} {
		for _, policy := range policies {
			t.Run(rule+" "+policy[0], func(t *testing.T) { conserves(t, append(policy, "compress="+rule)) })
		}
	}
}

func conserves(t *testing.T, sets []string) {
	cfg := load(t, "lossy.yaml", sets...)
	quadratic, err := kinds.Open(cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	p := &ledgerOfWork{Problem: quadratic.(problem.Problem[float64])}
	for range cfg.Clients.Count {
		p.done = append(p.done, make([]float64, p.Dim()))
	}
	record := &arrivals{sent: map[[2]uint64][]byte{}, verdict: map[[2]uint64]string{}}
	damaged := 0
	opt := Options{Rows: record, damages: func(client uint32, seq uint64) bool {
		bad := fleet.Round(0, client, seq)%7 == 0
		if bad {
			damaged++
		}
		return bad
	}}
	r, err := prepare(context.Background(), cfg, opt, problem.Problem[float64](p))
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	r.opt.Log = record.keep
	if err := r.launch(); err != nil {
		t.Fatal(err)
	}
	if err := r.loop(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.pool.drain()
	n := r.machine.Ledger.Counts()
	alone := r.ahead != nil && !r.codec.Ordered() // a refused update, which takes none along
	if damaged == 0 || n.Refused == 0 || r.journal.Returned <= n.Refused && !alone || cfg.Aggregate.Kind == "fedavg" && n.Late == 0 {
		t.Fatalf("nothing went wrong in this run: %d damaged, %+v, %d taken back", damaged, n, r.journal.Returned)
	}
	for client := range p.done {
		account(t, r, record, client, p.done[client])
	}
}

// account compares one client's work with where it went.
func account(t *testing.T, r *run[float64], a *arrivals, client int, work []float64) {
	found := make([]float64, len(work))
	mirror := r.codec.NewMirror()
	add := func(update []byte, weight float64) {
		for len(update) > 0 {
			f, rest, err := r.codec.Parse(update)
			if err != nil {
				t.Fatal(err)
			}
			if r.codec.Mirrored() {
				r.codec.Advance(mirror, found, weight, f)
			} else {
				r.codec.Add(found, weight, f)
			}
			update = rest
		}
	}
	var seqs []uint64
	for key := range a.sent {
		if key[0] == uint64(client) {
			seqs = append(seqs, key[1])
		}
	}
	slices.Sort(seqs)
	for _, seq := range seqs {
		key := [2]uint64{uint64(client), seq}
		switch a.verdict[key] {
		case "admitted", "": // an update without a row is in the open window
			add(a.sent[key], 1)
		case "late":
			add(a.sent[key], 0)
		}
	}
	if f := r.flights[client]; f != nil && f.state == done {
		add(f.update, 1) // the outbox
	}
	if r.ahead != nil {
		for _, update := range r.ahead[client].updates() {
			add(update, 1) // the outbox of a client that works ahead
		}
		if f := r.ahead[client].busy; f != nil && f.state == done {
			vec.Add(found, f.raw) // this machine was faster than the client's
		}
	}
	if m := r.memory[client]; m != nil && m.Owed() != nil {
		vec.Add(found, m.Owed())
	}
	norm := math.Sqrt(vec.Norm2(work))
	for j := range work {
		if math.Abs(found[j]-work[j]) > 1e-9*norm {
			t.Fatalf("client %d did %v in coordinate %d, %v is accounted for", client, work[j], j, found[j])
		}
	}
}

func (a *arrivals) keep(c ledger.Command, update []byte) error {
	if len(update) > 0 {
		a.sent[[2]uint64{uint64(c.Client), c.Seq}] = slices.Clone(update)
	}
	return nil
}
