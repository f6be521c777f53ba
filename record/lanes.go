package record

import (
	"cmp"
	"fmt"
	"slices"

	"weir/record/chart"
)

const (
	mostLanes   = 40  // clients shown on the timeline
	fewBars     = 120 // updates that are enough to see the pattern
	mostBars    = 50  // updates of each client, on average
	mostCommits = 80
)

// worker is what the first updates tell of one client.
type worker struct {
	client  int
	cycle   float64 // mean seconds from assignment to arrival
	updates []UpdateRow
}

// timeline shows who computed when, over a stretch at the beginning that is long enough to see the pattern.
func timeline(l *Loaded) section {
	if len(l.Updates) == 0 || len(l.Versions) == 0 {
		return section{}
	}
	end := stretch(l.Updates, l.Versions[len(l.Versions)-1].Time)
	workers := pickEvenly(bySpeed(until(end, l.Updates)), mostLanes)
	t := chart.Timeline{Label: "who computed when", X: chart.Axis{Label: clock(l.Summary.Kind), Unit: chart.Seconds}, End: end}
	for _, w := range workers {
		t.Lanes = append(t.Lanes, w.lane())
	}
	for _, v := range l.Commits {
		if v.Version > 0 && v.Time <= end {
			t.Ticks = append(t.Ticks, v.Time)
		}
	}
	marks := []legend{{"computing", "", 0}, {"receiving or sending", "thin", 1}, {"idle", "lane", 7}}
	if len(t.Ticks) > mostCommits {
		t.Ticks = nil // they would be a wall
	} else {
		marks = append(marks, legend{"a version is committed", "tickmark", 7})
	}
	if slices.ContainsFunc(t.Lanes, func(l chart.Lane) bool { return len(l.Cross) > 0 }) {
		marks = append(marks, legend{"an update that did not count", "cross", 7})
	}
	return section{
		ID: "timeline", Title: "Who computed when",
		Note:   fmt.Sprintf("The first %s. %s, the fastest at the top.", chart.Time(end), shown(len(workers), l.Summary.Clients)),
		Panels: []panel{{Legend: marks, Chart: t.SVG(), Wide: true}},
	}
}

func shown(lanes, clients int) string {
	if lanes >= clients {
		return "Every client is a line"
	}
	return fmt.Sprintf("%d of %s are shown, one a line", lanes, plural(uint64(clients), "client"))
}

// bySpeed groups updates by client and orders the clients from the fastest to the slowest.
func bySpeed(updates []UpdateRow) []worker {
	index := map[int]int{}
	var workers []worker
	for _, u := range updates {
		i, seen := index[u.Client]
		if !seen {
			i = len(workers)
			index[u.Client] = i
			workers = append(workers, worker{client: u.Client})
		}
		workers[i].updates = append(workers[i].updates, u)
	}
	for i := range workers {
		w := &workers[i]
		for _, u := range w.updates {
			w.cycle += (u.Arrived - u.Assigned) / float64(len(w.updates))
		}
	}
	slices.SortFunc(workers, func(a, b worker) int {
		return cmp.Or(cmp.Compare(a.cycle, b.cycle), cmp.Compare(a.client, b.client))
	})
	return workers
}

// pickEvenly takes at most n values, evenly from first to last.
func pickEvenly[T any](from []T, n int) []T {
	if len(from) <= n {
		return from
	}
	picked := make([]T, n)
	for i := range picked {
		picked[i] = from[i*(len(from)-1)/(n-1)]
	}
	return picked
}

// stretch is how much time to show: two rounds of a slow client, and longer while few updates are made; but no more
// than the run, and no more bars than can be told apart.
func stretch(updates []UpdateRow, run float64) float64 {
	var assigned, took []float64
	clients := map[int]bool{}
	for _, u := range updates {
		clients[u.Client] = true
		assigned, took = append(assigned, u.Assigned), append(took, u.Arrived-u.Assigned)
	}
	slices.Sort(assigned)
	slices.Sort(took)
	end := max(2*took[len(took)*9/10], assigned[min(fewBars, len(assigned))-1])
	if bars := mostBars * len(clients); len(assigned) > bars {
		end = min(end, assigned[bars])
	}
	if !(end > 0 && end < run) {
		return run
	}
	return end
}

func until(end float64, updates []UpdateRow) []UpdateRow {
	return slices.DeleteFunc(slices.Clone(updates), func(u UpdateRow) bool { return u.Assigned > end })
}

func (w worker) lane() chart.Lane {
	lane := chart.Lane{Name: fmt.Sprintf("client %d", w.client)}
	for _, u := range w.updates {
		lane.Wait = append(lane.Wait, chart.Span{From: u.Assigned, To: u.Started}, chart.Span{From: u.Finished, To: u.Arrived})
		lane.Work = append(lane.Work, chart.Span{From: u.Started, To: u.Finished})
		if u.Verdict != "admitted" {
			lane.Cross = append(lane.Cross, u.Arrived)
		}
	}
	lane.Note = fmt.Sprintf("client %d: %s a round, %s here", w.client, chart.Time(w.cycle), plural(uint64(len(w.updates)), "update"))
	return lane
}
