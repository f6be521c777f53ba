package coordinator

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/zap"

	"weir/config"
	"weir/transport"
)

// Member is a node of the cluster.
type Member struct {
	ID   string
	Raft string // its raft's address, host:port
	HTTP string // where it shows itself, host:port; empty for nowhere
}

// Config is what a node needs.
type Config struct {
	Node    string        // this node's name among Members
	Members []Member      // of the cluster as it begins
	Join    bool          // the cluster is there already, and an operator will add this node to it
	Dir     string        // log, snapshots and record lie here; empty keeps everything in memory, for tests
	Data    string        // folder that holds the data sets
	Run     config.Config // what is run
	// Subjects are the run's; zero for those of the config's name.
	Subjects transport.Subjects
	// RecordFrames keeps the whole log, for Replay, and has the leader put the digest of every version into it.
	RecordFrames bool
	Conn         transport.Conn // to the workers; the caller closes it after Run
	Raft         raft.Transport // to the other nodes; the caller closes it after Run
	HTTP         net.Listener   // where status, metrics and the live page are served; nil for nowhere. Run closes it
	HTTPTLS      *tls.Config    // with what the other nodes' HTTP is asked; nil where HTTP is no TLS listener
	// HTTPToken is what people and machines show to see more than whether this node is up; the same on all nodes.
	// A listener on loopback asks nobody for it.
	HTTPToken  string
	HTTPPublic bool // nobody is asked for a token: only where everybody is trusted
	Timeouts   Timeouts
	Log        *zap.Logger
	// OwnProcess says that this process is nothing but the node: its memory is held to what the run needs and slack more.
	OwnProcess bool

	// For tests: how many bytes of the log a snapshot is taken after, and how many entries stay in the log behind it; 0 for
	// what real runs do.
	snapshotAfter int64
	trailing      uint64
	segment       int                         // bytes of a file of the log
	disk          func() error                // why the log cannot be written; nil when it can
	clock         func(t time.Time) time.Time // what the machine's clock shows at t; nil for wall
	counts        *counters                   // what is refused is counted here; nil for nowhere to be seen
}

// Timeouts are raft's. The defaults find a new leader in about .3 s on a LAN; on slow or far links they want to be
// several times the round trip.
type Timeouts struct {
	Heartbeat time.Duration // without a leader's word for so long, a node stands for election
	Lease     time.Duration // without a majority's word for so long, a leader steps down; at most Heartbeat
	Commit    time.Duration // how long a leader waits for more entries before it tells followers what is committed
}

// DefaultTimeouts are for machines that are near each other.
func DefaultTimeouts() Timeouts {
	return Timeouts{Heartbeat: 150 * time.Millisecond, Lease: 100 * time.Millisecond, Commit: 10 * time.Millisecond}
}

// Validate fills in what may be left out and returns every fault.
func (c *Config) validate() error {
	if c.Timeouts == (Timeouts{}) {
		c.Timeouts = DefaultTimeouts()
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.clock == nil {
		c.clock = wall
	}
	if c.Subjects == (transport.Subjects{}) {
		c.Subjects = transport.NewSubjects(c.Run.Name)
	}
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("coordinator: "+format, args...))
		}
	}
	known := false
	for _, m := range c.Members {
		known = known || m.ID == c.Node
	}
	fault(c.Node == "", "a node needs a name")
	fault(!known && !c.Join, "node %q is not one of the cluster's members", c.Node)
	fault(c.Conn == nil || c.Raft == nil, "a node needs a connection to the workers and one to the other nodes")
	fault(c.Timeouts.Lease > c.Timeouts.Heartbeat, "the lease (%v) must not be longer than the heartbeat (%v)", c.Timeouts.Lease, c.Timeouts.Heartbeat)
	fault(c.HTTP != nil && c.HTTPToken == "" && !c.open(), "HTTP at %s can be reached by others: it needs a token, or to be public by name", listens(c.HTTP))
	return errors.Join(faults...)
}

// maxUpdate bounds the bytes of an update: all of it goes through the log of every node, which takes about 100 MB/s.
const maxUpdate = 256 << 20

// fits refuses a run of dim parameters of so many bytes that this design cannot keep up with.
func (c *Config) fits(dim, width int) error {
	if bytes := dim * width; c.Run.Compress.Kind == "identity" && bytes > maxUpdate {
		return c.Run.Fault("compress.kind", "an update is %d MB, and all of it goes through every node's log: must be topk, quant or another that sends less", bytes/1e6)
	}
	if need := c.mirrors(dim, width); need > int64(c.Run.Compress.Budget) {
		return c.Run.Fault("compress.budget", "%s keeps a vector for each of %d clients on every node, %d MB in all: allow as much, or choose memory mean, or feedback ec",
			c.Run.Compress.Feedback, c.Run.Clients.Count, need/1e6)
	}
	return nil
}

// mirrors is the bytes of decoder memory: a vector for each client where the feedback rule mirrors h, else nothing.
func (c *Config) mirrors(dim, width int) int64 {
	if c.Run.Compress.Memory != "per-client" || !slices.Contains([]string{"ef21", "ef21m", "econtrol"}, c.Run.Compress.Feedback) {
		return 0
	}
	return int64(dim) * int64(width) * int64(c.Run.Clients.Count)
}

// A node's vectors, and what it may have beside them and its decoder memory: updates on their way, buffers, garbage.
const (
	mostVectors = 6 // the newest version and one that is held, the window's sum, the optimiser's two, the exact model of a compressed downlink
	memorySlack = 150 << 20
)

// holdMemory has the collector wait until there is five times as much as is in use, since a node makes much garbage for
// what it keeps, and keep the process within what the run needs. GOGC and GOMEMLIMIT say otherwise where they are set.
func (c *Config) holdMemory(dim, width int) {
	if !c.OwnProcess {
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(dim)*int64(width)*mostVectors + c.mirrors(dim, width) + memorySlack)
	}
}
