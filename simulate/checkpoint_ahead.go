package simulate

import (
	"errors"

	"weir/ledger"
	"weir/vec"
)

// savedPipeline is a client that works ahead, in a checkpoint. What it computes is done again.
type savedPipeline[T vec.Float] struct {
	Begun, Settled, Awaited uint64
	Busy                    []savedFlight[T] // none or one
	Out                     []savedFlight[T]
	Unseen                  []savedProgress[T]
	Held, Before, Fetching  uint64              // 1 + the version's number; 0 for none
	Next                    []ledger.Assignment // none or one
	Downloaded              int
	Free, Network, Link     int64
}

type savedProgress[T vec.Float] struct {
	Seq       uint64
	Delta     []T
	Committed uint64
}

func (c *checkpoint[T]) saveAhead(r *run[T]) {
	keep := func(v *ledger.Version[T]) uint64 {
		if v == nil {
			return 0
		}
		c.Bases[v.Number] = v.X
		return v.Number + 1
	}
	for _, p := range r.ahead {
		s := savedPipeline[T]{
			Begun: p.begun, Settled: p.settled, Awaited: p.awaited,
			Held: keep(p.held), Before: keep(p.before), Fetching: keep(p.fetching),
			Downloaded: p.downloaded, Free: p.free, Network: p.network, Link: p.link,
		}
		if p.busy != nil {
			s.Busy = append(s.Busy, c.save(p.busy, false))
		}
		for _, f := range p.out {
			s.Out = append(s.Out, c.save(f, true))
		}
		for _, u := range p.unseen {
			s.Unseen = append(s.Unseen, savedProgress[T]{u.seq, u.delta, u.committed})
		}
		if p.next != nil {
			s.Next = append(s.Next, *p.next)
		}
		c.Ahead = append(c.Ahead, s)
	}
}

// boardAhead puts clients that work ahead back where the checkpoint has them.
func (r *run[T]) boardAhead(c *checkpoint[T], from bases[T]) error {
	if len(c.Ahead) != len(r.ahead) {
		return errors.New("reading the checkpoint: its clients are not those of the problem")
	}
	hold := func(number uint64) *ledger.Version[T] {
		if number == 0 {
			return nil
		}
		return r.machine.Model.Hold(from.get(number - 1))
	}
	for i, s := range c.Ahead {
		p := r.ahead[i]
		*p = pipeline[T]{
			begun: s.Begun, settled: s.Settled, awaited: s.Awaited,
			held: hold(s.Held), before: hold(s.Before), fetching: hold(s.Fetching),
			downloaded: s.Downloaded, free: s.Free, network: s.Network, link: s.Link,
		}
		for _, saved := range s.Out {
			f, err := r.load(saved, from)
			if err != nil {
				return err
			}
			p.out = append(p.out, f)
		}
		for _, u := range s.Unseen {
			p.unseen = append(p.unseen, progress[T]{u.Seq, u.Delta, u.Committed})
		}
		for _, a := range s.Next {
			p.next = &a
		}
		for _, saved := range s.Busy {
			f, err := r.load(saved, from)
			if err != nil {
				return err
			}
			f.raw = make([]T, r.problem.Dim())
			p.busy = f
			if r.problem.Dim() > 0 {
				r.pool.submit(f)
			}
		}
	}
	return nil
}
