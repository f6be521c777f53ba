package ledger

import (
	"slices"

	"weir/selection"
)

// flight is a client's round that is under way.
type flight struct {
	selection.Choice
	assigned int64
}

// meet begins to keep what selection goes by, of a client that is new.
func (l *Ledger) meet(c Command) {
	if !l.config.Selection.Informed() {
		return
	}
	k := selection.Client{
		Samples: float64(c.Samples), Loss: selection.Unknown(), RMS: selection.Unknown(),
		Cosine: selection.Unknown(), Duration: selection.Unknown(),
	}
	if c.Cycle > 0 {
		k.Duration = float64(c.Cycle) / 1e9
	}
	l.known = append(l.known, k)
}

// learn takes in what an update tells of its client. A figure that is no number tells nothing.
func (l *Ledger) learn(c Command, f flight) {
	if !l.config.Selection.Informed() {
		return
	}
	k := &l.known[c.Client]
	k.Loss, k.RMS, k.Cosine = c.Loss, c.RMS, c.Cosine
	if took := c.Time - f.assigned; took > 0 {
		k.Duration = float64(took) / 1e9
	}
}

// advance moves the pacer by the window that closes.
func (l *Ledger) advance() {
	if l.config.Selection.Kind != "oort" {
		return
	}
	sum := 0.0
	for _, e := range l.window {
		sum += l.known[e.Client].Reward()
	}
	l.pace = l.pace.Next(sum / float64(len(l.window)))
}

// situation is what selection is told at a time.
func (l *Ledger) situation(now int64) selection.Situation {
	s := selection.Situation{Round: l.version + 1, Clients: l.known, Pace: l.pace}
	if bound := l.config.Stop.Versions; bound > 0 {
		s.Progress = float64(l.version+1) / float64(bound)
	} else if bound := l.config.Stop.Time; bound > 0 {
		s.Progress = float64(now) / float64(bound)
	}
	return s
}

// assign gives work to free clients: one for every free slot, or a whole round when none is open.
func (l *Ledger) assign(d *Decision, now int64) {
	want := l.config.Concurrency - l.working
	if l.closing.Rounds() && (l.working > 0 || len(l.window) > 0) {
		return
	}
	if want > 0 && l.config.Selection.Informed() {
		l.free = slices.DeleteFunc(l.free, l.gone) // it costs no more than the choice, and they would be compared with
	}
	for want > 0 && len(l.free) > 0 {
		m := min(want, len(l.free))
		choices := l.selector.Choose(l.situation(now), l.free, m, l.random)
		rest := len(l.free) - m
		for i, id := range l.free[rest:] {
			k := &l.clients[id]
			k.listed = false
			if k.state != free {
				continue
			}
			k.state = working
			k.seq++
			l.working++
			want--
			if l.closing.Rounds() {
				l.round = append(l.round, id)
			}
			l.depart(id, flight{choices[i], now})
			d.Assign = append(d.Assign, Assignment{Client: id, Seq: k.seq, Base: l.version, Choice: choices[i]})
		}
		l.free = l.free[:rest]
	}
}

// gone takes a client off the list of free clients if it has left.
func (l *Ledger) gone(id uint32) bool {
	k := &l.clients[id]
	k.listed = k.state == free
	return !k.listed
}

// depart notes that a client was given work, and why.
func (l *Ledger) depart(id uint32, f flight) {
	if n := len(l.vacant); n > 0 {
		l.clients[id].slot, l.vacant = l.vacant[n-1], l.vacant[:n-1]
	} else {
		l.clients[id].slot = uint32(len(l.flights))
		l.flights = append(l.flights, flight{})
	}
	l.flights[l.clients[id].slot] = f
	if l.config.Selection.Informed() {
		l.known[id].Chosen++
		l.known[id].Last = l.version + 1
	}
}

// vacate ends the flight of a client that has one.
func (l *Ledger) vacate(k *client) flight {
	l.vacant = append(l.vacant, k.slot)
	return l.flights[k.slot]
}

// appendSelection writes what selection goes by: of all clients, and of those under way why they are.
func (l *Ledger) appendSelection(w *writer) {
	w.floats([]float64{l.pace.Percent, l.pace.Now, l.pace.Before})
	w.uint(l.pace.Rounds, l.pace.Spans)
	for i := range l.known {
		k := &l.known[i]
		w.uint(k.Chosen, k.Last)
		w.floats([]float64{k.Samples, k.Loss, k.RMS, k.Cosine, k.Duration})
	}
	for i := range l.clients {
		if k := &l.clients[i]; k.state == working || k.state == straggling {
			f := &l.flights[k.slot]
			w.uint(uint64(f.assigned))
			w.floats([]float64{f.Score, f.Probability, f.Density})
			w.floats(f.Components[:])
		}
	}
}

// restoreSelection reads it; the clients come before it.
func (l *Ledger) restoreSelection(r *reader) {
	l.pace = selection.Pace{Percent: r.float(), Now: r.float(), Before: r.float(), Rounds: r.uint(), Spans: r.uint()}
	l.known, l.flights, l.vacant = nil, nil, nil
	if l.config.Selection.Informed() {
		l.known = make([]selection.Client, len(l.clients))
	}
	for i := range l.known {
		l.known[i] = selection.Client{
			Chosen: r.uint(), Last: r.uint(), Samples: r.float(), Loss: r.float(), RMS: r.float(), Cosine: r.float(), Duration: r.float(),
		}
	}
	for i := range l.clients {
		if k := &l.clients[i]; k.state == working || k.state == straggling {
			k.slot = uint32(len(l.flights))
			f := flight{assigned: int64(r.uint())}
			f.Score, f.Probability, f.Density = r.float(), r.float(), r.float()
			r.floats(f.Components[:])
			l.flights = append(l.flights, f)
		}
	}
}
