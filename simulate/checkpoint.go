package simulate

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"weir/atomicfile"
	"weir/compress"
	"weir/journal"
	"weir/ledger"
	"weir/problem"
	"weir/selection"
	"weir/vec"
)

// checkpoint is a run between two events. Work that was done but has not arrived is kept; work that was under way is
// kept as its base, and done again: it gives the same bits.
type checkpoint[T vec.Float] struct {
	Config  []byte
	Ledger  []byte
	Model   []byte
	Now     int64
	Wall    time.Duration
	Events  []event
	Flights []savedFlight[T]
	Ahead   []savedPipeline[T]                // by client, where they work ahead
	Bases   map[uint64][]T                    // versions that are needed again
	Toward  map[uint64]selection.Direction[T] // of the model up to a base
	Newest  selection.Direction[T]
	Memory  map[uint32][]byte // clients' feedback state
	Held    []uint64
	Tally   tally
	Journal *journal.Journal
}

type savedFlight[T vec.Float] struct {
	Client                               uint32
	Seq, Base                            uint64
	Round                                problem.Round
	Assigned, Started, Finished, Arrives int64
	Drops                                int64
	Downloaded                           int
	Done, Here, Void                     bool
	Start                                []T
	Update                               []byte
	Report                               problem.Report
	Stats                                compress.Stats
	Density, Cosine                      float64
}

// interrupt ends a run that was cancelled: it leaves a checkpoint to go on from.
func (r *run[T]) interrupt() error {
	r.pool.drain()
	if r.opt.Checkpoint == "" {
		return nil
	}
	c := checkpoint[T]{
		Config: r.config.YAML(), Ledger: r.machine.Ledger.AppendSnapshot(nil), Model: r.machine.Model.AppendSnapshot(nil),
		Now: r.now, Wall: r.wall + time.Since(r.began), Events: r.events, Bases: map[uint64][]T{}, Tally: r.tally, Journal: r.journal,
		Memory: map[uint32][]byte{}, Held: r.held, Toward: map[uint64]selection.Direction[T]{}, Newest: r.direction,
	}
	for i, m := range r.memory {
		if m != nil {
			c.Memory[uint32(i)] = m.Append(nil)
		}
	}
	for _, f := range r.flights {
		if f != nil {
			c.Flights = append(c.Flights, c.save(f, f.state == done && f.err == nil))
		}
	}
	c.saveAhead(r)
	err := atomicfile.Write(r.opt.Checkpoint, func(w io.Writer) error { return gob.NewEncoder(w).Encode(&c) })
	if err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	return nil
}

// save keeps a flight, and of one that is not done its base.
func (c *checkpoint[T]) save(f *flight[T], isDone bool) savedFlight[T] {
	s := savedFlight[T]{
		Client: f.client, Seq: f.seq, Base: f.base.Number, Round: f.round, Assigned: f.assigned, Started: f.started,
		Finished: f.finished, Arrives: f.arrives, Drops: f.drops, Downloaded: f.downloaded, Done: isDone, Here: f.here, Void: f.void, Density: f.density,
	}
	if isDone {
		s.Update, s.Report, s.Stats, s.Cosine = f.update, f.report, f.stats, f.cosine
	} else {
		s.Start = f.start
		c.Bases[f.base.Number] = f.base.X
		if f.direction != nil {
			c.Toward[f.base.Number] = f.direction
		}
	}
	return s
}

// bases finds the versions of a checkpoint by number, and the model's direction up to them. What it returns is not held.
type bases[T vec.Float] struct {
	known  map[uint64]*ledger.Version[T]
	saved  map[uint64][]T
	toward map[uint64]selection.Direction[T]
}

func (b bases[T]) get(number uint64) *ledger.Version[T] {
	v := b.known[number]
	if v == nil {
		v = &ledger.Version[T]{Number: number, X: b.saved[number]}
		b.known[number] = v
	}
	return v
}

// load makes the flight that save kept.
func (r *run[T]) load(s savedFlight[T], from bases[T]) (*flight[T], error) {
	base := from.get(s.Base)
	if int(s.Client) >= len(r.flights) || !s.Done && len(base.X) != r.problem.Dim() {
		return nil, errors.New("reading the checkpoint: a client in flight does not fit the problem")
	}
	f := &flight[T]{
		client: s.Client, seq: s.Seq, base: r.machine.Model.Hold(base), round: s.Round, assigned: s.Assigned, started: s.Started,
		finished: s.Finished, arrives: s.Arrives, drops: s.Drops, downloaded: s.Downloaded, here: s.Here, void: s.Void, start: s.Start,
		update: s.Update, report: s.Report, stats: s.Stats, memory: r.memory[s.Client],
		density: s.Density, cosine: s.Cosine, direction: from.toward[s.Base],
	}
	if s.Done {
		f.state = done
	}
	return f, nil
}

// restore goes on from the checkpoint that interrupt left.
func (r *run[T]) restore() error {
	b, err := os.ReadFile(r.opt.Checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNothingToResume
	}
	var c checkpoint[T]
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(b)).Decode(&c)
	}
	if err != nil {
		return fmt.Errorf("reading the checkpoint: %w", err)
	}
	if !bytes.Equal(c.Config, r.config.YAML()) {
		return fmt.Errorf("the checkpoint %s was left by another configuration", r.opt.Checkpoint)
	}
	if err := errors.Join(r.machine.Ledger.Restore(c.Ledger), r.machine.Model.Restore(c.Model)); err != nil {
		return err
	}
	r.now, r.wall, r.events, r.tally, r.journal = c.Now, c.Wall, c.Events, c.Tally, c.Journal
	r.direction = c.Newest
	if r.before != nil {
		copy(r.before, r.machine.Model.Newest().X)
	}
	if len(c.Held) != len(r.held) {
		return errors.New("reading the checkpoint: its clients are not those of the problem")
	}
	r.held = c.Held
	if err := r.board(&c); err != nil {
		return err
	}
	return r.journal.Record(r.opt.Rows)
}

// board puts the checkpoint's clients back in flight.
func (r *run[T]) board(c *checkpoint[T]) error {
	for client, b := range c.Memory {
		m, err := r.codec.RestoreMemory(b)
		if err != nil || int(client) >= len(r.memory) {
			return errors.Join(errors.New("reading the checkpoint: feedback memory does not fit"), err)
		}
		r.memory[client] = m
	}
	newest := r.machine.Model.Newest()
	from := bases[T]{map[uint64]*ledger.Version[T]{newest.Number: newest}, c.Bases, c.Toward}
	for _, s := range c.Flights {
		f, err := r.load(s, from)
		if err != nil {
			return err
		}
		r.flights[s.Client] = f
		if !s.Done && s.Drops >= s.Finished && r.problem.Dim() > 0 {
			r.pool.submit(f)
		}
	}
	return r.boardAhead(c, from)
}
