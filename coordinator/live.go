package coordinator

import (
	"context"
	"fmt"
	"strings"

	"weir/journal"
	"weir/record"
	"weir/record/chart"
)

// livePage is the page that shows the run as it is now.
func (n *node[T]) livePage(ctx context.Context) record.Live {
	s := n.status(ctx)
	history, summary := n.soFar()
	page := record.Live{
		Kicker: s.kicker(), Title: s.Run, Lede: s.lede(), Figures: s.figures(&summary), History: history, Summary: summary,
		Tables: []record.Table{nodeTable(&s), clientTable(&s)}, Source: "what " + s.Node + " says, every second", Over: s.Stopped != "",
	}
	if s.Leader == "" && s.Stopped == "" {
		page.Alert = &record.Alert{Title: "Nobody leads.", Text: s.leaderless()}
	}
	return page
}

// soFar is what the charts are drawn from.
func (n *node[T]) soFar() (*record.History, record.Summary) {
	n.mu.Lock()
	defer n.mu.Unlock()
	j, l := n.state.journal, n.state.machine.Ledger
	h := n.history.Clone()
	for _, o := range j.Open {
		h.Add(o.Row)
	}
	s := record.Summary{Name: n.cfg.Run.Name, Kind: "cluster", Versions: l.Version(), Metrics: map[string]record.Metric{}, Staleness: journal.Staleness(l)}
	for name, series := range j.Metrics {
		s.Metrics[name] = series.Metric()
	}
	return h, s
}

func (s *Status) kicker() string {
	role := ""
	for _, n := range s.Nodes {
		if n.ID == s.Node {
			role = ", " + n.Role
		}
	}
	return fmt.Sprintf("weir · live from %s%s", s.Node, role)
}

// lede says in plain words where the run is.
func (s *Status) lede() []string {
	switch {
	case s.Stopped != "":
		return []string{fmt.Sprintf("Over: %s after version %s and %s.", ended(s.Stopped), chart.Count(s.Version), chart.Time(s.Time))}
	case s.Leader == "":
		return nil // the alert says it
	case s.Waiting > 0:
		return []string{fmt.Sprintf("Waiting for %s: the run starts when all %s are there.", clients(s.Waiting), chart.Count(uint64(len(s.Clients))))}
	case s.Version == 0:
		return []string{"Started; no version is committed yet."}
	}
	lede := fmt.Sprintf("Version %s after %s; %s leads.", chart.Count(s.Version), chart.Time(s.Time), s.Leader)
	if s.Done > 0 {
		lede = fmt.Sprintf("Version %s after %s, %s of the run; %s leads.", chart.Count(s.Version), chart.Time(s.Time), chart.Percent(s.Done), s.Leader)
	}
	return []string{lede}
}

// ended is why a run stopped, as a person says it.
func ended(stopped string) string {
	switch stopped {
	case "versions", "time", "target":
		return "ended by stop." + stopped
	}
	return stopped
}

func clients(n int) string {
	if n == 1 {
		return "1 client"
	}
	return chart.Count(uint64(n)) + " clients"
}

// leaderless says what is missing.
func (s *Status) leaderless() string {
	there := 0
	for _, n := range s.Nodes {
		if n.Role != roleGone && n.Role != roleUnknown {
			there++
		}
	}
	return fmt.Sprintf("%d of %d nodes answer, and %d are needed. No update is lost meanwhile: clients keep what they have not been told is committed.",
		there, len(s.Nodes), len(s.Nodes)/2+1)
}

// shownFacts fills the rows of the page's figures: the last ones are for runs in which little is evaluated.
const shownFacts = 8

func (s *Status) figures(so *record.Summary) []record.Fact {
	leader := s.Leader
	if leader == "" {
		leader = "nobody"
	}
	facts := []record.Fact{
		{Name: "Version", Value: chart.Count(s.Version), Note: fmt.Sprintf("%d in the open window", s.Window)},
		{Name: "Time", Value: chart.Time(s.Time), Note: chart.Percent(s.Done) + " of the run"},
		{Name: "Leader", Value: leader, Note: fmt.Sprintf("of %d nodes", len(s.Nodes))},
		{Name: "Clients at work", Value: chart.Count(uint64(s.States[stateWorking])), Note: s.others()},
	}
	for _, metric := range []string{"test_accuracy", "loss", "sum_rate", "residual"} {
		if m, measured := so.Metrics[metric]; measured && len(facts) < 6 {
			name := strings.ReplaceAll(metric, "_", " ")
			facts = append(facts, record.Fact{
				Name: strings.ToUpper(name[:1]) + name[1:], Value: chart.Number(m.Final), Note: "best " + chart.Number(m.Best) + ", version " + chart.Count(m.AtBestVersion),
			})
		}
	}
	facts = append(facts,
		record.Fact{Name: "Updates committed", Value: chart.Count(s.Updates.Committed), Note: fmt.Sprintf("of %s that came, %s refused", chart.Count(s.Updates.Sent), chart.Count(s.Updates.Refused))},
		record.Fact{Name: "Staleness", Value: chart.Number(so.Staleness.Mean), Note: fmt.Sprintf("versions on average; 95%% within %d", so.Staleness.P95)},
		record.Fact{Name: "Bytes up", Value: chart.Size(float64(s.BytesUp)), Note: chart.Size(float64(s.BytesDown)) + " down"},
		record.Fact{Name: "Refused", Value: chart.Count(s.Updates.Refused), Note: fmt.Sprintf("%s late, %s sent twice", chart.Count(s.Updates.Late), chart.Count(s.Updates.Duplicate))},
	)
	return facts[:shownFacts]
}

// others counts the clients that are not at work.
func (s *Status) others() string {
	return fmt.Sprintf("%d wait, %d idle, %d absent", s.States[stateWaiting], s.States[stateIdle], s.States[stateAbsent])
}

func nodeTable(s *Status) record.Table {
	t := record.Table{
		ID: "nodes", Title: "Nodes",
		Note: "Every node holds the log, the ledger and the model. Nodes at the same version have the same digest.",
		Head: []string{"", "role", "version", "digest", "leader heard", "process", "shows itself at"},
	}
	for _, n := range s.Nodes {
		digest, heard := "–", "–"
		if n.Digest != "" {
			digest = fmt.Sprintf("%.12s of %s", n.Digest, chart.Count(n.DigestAt))
		}
		if n.Role == roleFollower && n.LastContact >= 0 {
			heard = chart.Time(float64(n.LastContact)/1e3) + " ago"
		}
		t.Rows = append(t.Rows, texts(n.ID, n.Role, chart.Count(n.Version), digest, heard, fmt.Sprint(n.PID), n.HTTP))
	}
	return t
}

// shownClients bounds the table of clients.
const shownClients = 200

func clientTable(s *Status) record.Table {
	t := record.Table{
		ID: "clients", Title: "Clients", Head: []string{"", "does", "worker", "staleness", "updates", "last loss", "blocked"},
		Note: "Staleness counts the versions since the one that a client's latest round was given out at. Blocked is the part of its time that the network took.",
	}
	if len(s.Clients) > shownClients {
		t.Note += fmt.Sprintf(" These are the first %d of %s; %s has all.", shownClients, chart.Count(uint64(len(s.Clients))), statusPath)
	}
	shown := s.Clients[:min(shownClients, len(s.Clients))]
	oldest := uint64(1)
	for _, c := range shown {
		oldest = max(oldest, c.Staleness)
	}
	for _, c := range shown {
		row := texts(fmt.Sprintf("client %d", c.ID), c.State, c.Worker, chart.Count(c.Staleness), chart.Count(c.Updates), figure(c.LastLoss), chart.Percent(float64(c.Blocked)))
		row[3].Bar = int(100 * c.Staleness / oldest)
		t.Rows = append(t.Rows, row)
	}
	return t
}

func texts(of ...string) []record.Cell {
	cells := make([]record.Cell, len(of))
	for i, text := range of {
		cells[i].Text = text
	}
	return cells
}

// figure writes a measured value; a dash where there is none.
func figure(f Figure) string {
	if !f.Finite() {
		return "–"
	}
	return chart.Number(float64(f))
}
