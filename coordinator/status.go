package coordinator

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"time"

	"github.com/hashicorp/raft"

	"weir/journal"
	"weir/ledger"
	"weir/record"
)

// Status is what a node knows of the cluster and the run.
type Status struct {
	Run     string  `json:"run"`
	Node    string  `json:"node"` // whose word this is
	Version uint64  `json:"version"`
	Leader  string  `json:"leader"` // empty while nobody leads
	Time    float64 `json:"time_seconds"`
	Done    float64 `json:"done"` // fraction of the run that is over
	Stopped string  `json:"stopped,omitempty"`
	Waiting int     `json:"waiting,omitempty"` // clients that the run waits for before it starts; known to the leader
	Window  int     `json:"window"`            // updates in the open window

	Updates   record.UpdateCounts `json:"updates"`
	BytesUp   uint64              `json:"bytes_up"`
	BytesDown uint64              `json:"bytes_down"`
	TrainLoss Figure              `json:"train_loss"`        // of the newest version's updates, where they were computed
	Staleness Figure              `json:"staleness"`         // of the newest version's updates, on average
	Metrics   map[string]Figure   `json:"metrics,omitempty"` // of the newest evaluation
	Nodes     []NodeStatus        `json:"nodes"`
	States    map[string]int      `json:"client_states"` // how many clients are in each
	Clients   []ClientStatus      `json:"clients"`
}

// NodeStatus is one node.
type NodeStatus struct {
	ID          string `json:"id"`
	Role        string `json:"role"` // leader, follower, candidate, gone, unknown
	PID         int    `json:"pid"`
	Raft        string `json:"raft"`
	HTTP        string `json:"http"` // the URL at which it shows itself
	Version     uint64 `json:"version"`
	Digest      string `json:"digest"` // of the newest version that was digested, DigestAt
	DigestAt    uint64 `json:"digest_version"`
	LastContact int64  `json:"last_contact_ms"` // since the leader was heard; 0 on the leader, -1 before it was heard at all
	Term        uint64 `json:"term"`
	Applied     uint64 `json:"applied_index"`
	LogBytes    int64  `json:"log_bytes"` // since the last snapshot
	Finished    bool   `json:"finished"`  // the run is over and its record is here
}

// ClientStatus is one client.
type ClientStatus struct {
	ID        uint32 `json:"id"`
	Worker    string `json:"worker"`    // known to the leader
	State     string `json:"state"`     // absent, idle, working, waiting
	Staleness uint64 `json:"staleness"` // versions since the one that its latest round was given out at
	Updates   uint64 `json:"updates"`   // committed
	LastLoss  Figure `json:"last_loss"`
	Blocked   Figure `json:"blocked_fraction"` // of the time in which it could have computed, the part that the network took
}

// Figure is a measured value. JSON has no word for what is not a number or is infinite: that is null there, and NaN when
// it is read back.
type Figure float64

// Finite says whether the figure is a number.
func (f Figure) Finite() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// MarshalJSON writes null for what is no number.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Finite() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Figure) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Figure(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(f))
}

// nodeReport is what a node tells the others: how it is, and a leader what it alone knows.
type nodeReport struct {
	Node    NodeStatus          `json:"node"`
	Waiting int                 `json:"waiting,omitempty"`
	Hosts   map[string][]uint32 `json:"hosts,omitempty"` // which clients each worker hosts
}

// status is what this node knows, and what the others say of themselves.
func (n *node[T]) status(ctx context.Context) Status {
	s := n.runStatus()
	s.Clients = n.clientStatus()
	s.States = map[string]int{}
	for i := range s.Clients {
		s.States[s.Clients[i].State]++
	}
	own := n.nodeStatus()
	others := n.neighbours.ask(ctx)
	for _, m := range n.members() {
		if m.ID == n.cfg.Node {
			s.Nodes = append(s.Nodes, own)
			continue
		}
		r := others.of(m, n.cfg.url(m))
		s.Nodes = append(s.Nodes, r.Node)
		if m.ID == s.Leader && r.Node.Role == roleLeader {
			s.learn(&r)
		}
	}
	return s
}

// learn takes over what only the leader knows.
func (s *Status) learn(r *nodeReport) {
	s.Waiting = r.Waiting
	for worker, clients := range r.Hosts {
		for _, client := range clients {
			if int(client) < len(s.Clients) {
				s.Clients[client].Worker = worker
			}
		}
	}
}

// runStatus is where the run is.
func (n *node[T]) runStatus() Status {
	_, leader := n.raft.LeaderWithID()
	n.mu.Lock()
	defer n.mu.Unlock()
	l, j, now := n.state.machine.Ledger, n.state.journal, n.now()
	s := Status{
		Run: n.cfg.Run.Name, Node: n.cfg.Node, Version: l.Version(), Leader: string(leader),
		Stopped: l.Stopped(), Window: l.Gathered(), Updates: j.Counts(l), BytesUp: j.BytesUp, BytesDown: j.BytesDown,
		TrainLoss: Figure(math.NaN()), Staleness: Figure(math.NaN()), Metrics: map[string]Figure{},
	}
	if s.Stopped != "" {
		now = n.state.time
	}
	s.Time, s.Done = seconds(now), journal.Done(n.cfg.Run, s.Version, now)
	if row := j.Newest(); row != nil && row.Version > 0 {
		s.TrainLoss, s.Staleness = Figure(row.TrainLoss), Figure(row.StalenessMean)
	}
	for _, m := range j.Latest {
		s.Metrics[m.Name] = Figure(m.Value)
	}
	if n.lead != nil {
		s.Waiting = n.lead.missing()
	}
	return s
}

// What a node can be.
const (
	roleLeader    = "leader"
	roleFollower  = "follower"
	roleCandidate = "candidate"
	roleGone      = "gone"    // it does not answer
	roleUnknown   = "unknown" // it was added, and nobody said where its HTTP is
)

// nodeStatus is how this node is.
func (n *node[T]) nodeStatus() NodeStatus {
	s := NodeStatus{
		ID: n.cfg.Node, Role: role(n.raft.State()), PID: os.Getpid(), LastContact: -1,
		Term: n.raft.CurrentTerm(), Applied: n.raft.AppliedIndex(),
	}
	for _, m := range n.cfg.Members {
		if m.ID == s.ID {
			s.Raft, s.HTTP = m.Raft, n.cfg.url(m)
		}
	}
	switch heard := n.raft.LastContact(); {
	case s.Role == roleLeader:
		s.LastContact = 0
	case !heard.IsZero():
		s.LastContact = time.Since(heard).Milliseconds()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	newest := n.checks.newest()
	s.Version, s.Digest, s.DigestAt, s.LogBytes = n.state.machine.Ledger.Version(), newest.Digest, newest.Version, n.logged
	s.Finished = n.state.finished
	return s
}

func role(s raft.RaftState) string {
	switch s {
	case raft.Leader:
		return roleLeader
	case raft.Candidate:
		return roleCandidate
	case raft.Shutdown:
		return roleGone
	default:
		return roleFollower
	}
}

// clientsAtOnce bounds how many clients are looked at while the lock is held.
const clientsAtOnce = 1024

// clientStatus is how the clients are.
func (n *node[T]) clientStatus() []ClientStatus {
	all := make([]ClientStatus, n.problem.Clients())
	for first := 0; first < len(all); first += clientsAtOnce {
		n.mu.Lock()
		for i := first; i < min(first+clientsAtOnce, len(all)); i++ {
			all[i] = n.client(uint32(i))
		}
		n.mu.Unlock()
	}
	return all
}

// client is how one client is. The caller holds the lock.
func (n *node[T]) client(id uint32) ClientStatus {
	at, k := n.state.machine.Ledger.Standing(id), n.state.clients[id]
	s := ClientStatus{ID: id, State: occupation(at), Updates: at.Committed, LastLoss: Figure(math.NaN())}
	if at.Seq > 0 {
		s.Staleness = n.state.machine.Ledger.Version() - k.Base
	}
	if k.Fates[1].Seq > 0 {
		s.LastLoss = Figure(k.Loss)
	}
	if wanted := k.Computed + k.Blocked; wanted > 0 {
		s.Blocked = Figure(float64(k.Blocked) / float64(wanted))
	}
	if n.lead != nil {
		s.Worker = n.lead.home[id]
	}
	return s
}

// What a client can be doing.
const (
	stateAbsent  = "absent"
	stateIdle    = "idle"
	stateWorking = "working"
	stateWaiting = "waiting" // for its update's window to close
)

func occupation(at ledger.Standing) string {
	switch {
	case !at.Present:
		return stateAbsent
	case at.Awaited:
		return stateWorking
	case at.Waiting:
		return stateWaiting
	}
	return stateIdle
}

// report is what this node tells the others.
func (n *node[T]) report() nodeReport {
	r := nodeReport{Node: n.nodeStatus()}
	if r.Node.Role != roleLeader {
		return r
	}
	r.Waiting, r.Hosts = n.runStatus().Waiting, map[string][]uint32{}
	for _, c := range n.clientStatus() {
		if c.Worker != "" {
			r.Hosts[c.Worker] = append(r.Hosts[c.Worker], c.ID)
		}
	}
	return r
}

// members are the nodes of the cluster as it is now: those that it began with, in their order, without those that were
// removed, and then those that were added.
func (n *node[T]) members() []Member {
	f := n.raft.GetConfiguration()
	if f.Error() != nil || len(f.Configuration().Servers) == 0 {
		return n.cfg.Members
	}
	in := map[string]Member{}
	for _, s := range f.Configuration().Servers {
		in[string(s.ID)] = Member{ID: string(s.ID), Raft: string(s.Address)}
	}
	var now []Member
	for _, m := range n.cfg.Members {
		if _, still := in[m.ID]; still {
			now = append(now, m)
			delete(in, m.ID)
		}
	}
	for _, s := range f.Configuration().Servers {
		if m, added := in[string(s.ID)]; added {
			now = append(now, m)
		}
	}
	return now
}
