package coordinator

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/raft"

	"weir/record"
)

// Status is what a node knows of the cluster and the run.
type Status struct {
	Run     string         `json:"run"`
	Version uint64         `json:"version"`
	Leader  string         `json:"leader"` // empty while nobody leads
	Time    float64        `json:"time_seconds"`
	Done    float64        `json:"done"` // fraction of the run that is over
	Stopped string         `json:"stopped,omitempty"`
	Waiting int            `json:"waiting,omitempty"` // clients that the run waits for before it starts
	Metrics map[string]any `json:"metrics,omitempty"` // of the newest evaluation
	Nodes   []NodeStatus   `json:"nodes"`
	Clients []ClientStatus `json:"clients"`
}

// NodeStatus is one node.
type NodeStatus struct {
	ID          string `json:"id"`
	Role        string `json:"role"` // leader, follower, candidate, or gone
	PID         int    `json:"pid"`
	Raft        string `json:"raft"`
	HTTP        string `json:"http"`
	Version     uint64 `json:"version"`
	Digest      string `json:"digest"` // of the newest version that was digested, DigestAt
	DigestAt    uint64 `json:"digest_version"`
	LastContact int64  `json:"last_contact_ms"` // since the leader was heard; 0 on the leader
}

// ClientStatus is one client.
type ClientStatus struct {
	ID        uint32  `json:"id"`
	Worker    string  `json:"worker"` // known to the leader
	State     string  `json:"state"`  // absent, idle, working, waiting
	Staleness uint64  `json:"staleness"`
	Updates   uint64  `json:"updates"` // committed
	LastLoss  float64 `json:"last_loss"`
	Blocked   float64 `json:"blocked_fraction"` // of its time, in which the network kept it from computing
}

var _ = record.VersionRow{}

// status is what this node knows.
func (n *node[T]) status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Status{}
}

var (
	_ = context.Background
	_ = os.Getpid
	_ = time.Now
	_ = raft.Leader
)
