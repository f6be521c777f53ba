package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"go.uber.org/zap"

	"weir/claim"
	"weir/config"
	"weir/problem"
	"weir/problem/kinds"
	"weir/transport"
	"weir/vec"
)

// Config is one worker of a run.
type Config struct {
	Name    string         // by which the run knows it: letters, digits, - and _
	Clients []uint32       // that it hosts; no other worker may host them at the same time
	Dir     string         // where their state lies between rounds; it outlives the process and belongs to one run
	Data    string         // folder that holds the data sets
	Run     config.Config  // the same on every machine
	Conn    transport.Conn // stays open when the worker ends
	// Bulk is a connection for downloads: on one of their own no news waits behind a model. Nil is Conn.
	Bulk transport.Conn
	// Subjects are those of the run. They follow from its name, unless the cluster gives it another.
	Subjects transport.Subjects
	Log      *zap.Logger // nil logs nothing
	Cores    int         // that compute; 0 is all there are
	// Emulate makes rounds take as long as clients.speed says and transfers as long as clients.link says, beside what
	// they really take. Without it a worker is as fast as its machine. In neither case does it drop out: kill it.
	Emulate bool

	dies func(step, uint32) bool // for tests: whether the process dies here, with which client
}

// step is a point at which a test may kill the worker.
type step uint8

const (
	worked    step = iota // local work is done
	encoded               // the memory has moved on
	written               // the client's file holds the update
	published             // a frame is on its way
	settled               // what became of an update is known
)

// errDied ends a worker that a test has killed.
var errDied = errors.New("killed")

// Validate returns every fault of c, each naming the field and what would be right. It can be asked before there is a
// connection.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("worker: "+format, args...)) }
	if c.Name == "" || transport.Token(c.Name) != c.Name {
		fault("name: %q: must be letters, digits, - and _", c.Name)
	}
	if len(c.Clients) == 0 {
		fault("clients: must be at least one")
	}
	for i, id := range c.Clients {
		switch {
		case int64(id) >= int64(c.Run.Clients.Count):
			fault("clients: %d: the run has 0 to %d", id, c.Run.Clients.Count-1)
		case slices.Contains(c.Clients[:i], id):
			fault("clients: %d: must be there once", id)
		}
	}
	if c.Dir == "" {
		fault("dir: must name a folder for the clients' state")
	}
	if c.Cores < 0 {
		fault("cores: %d: must be 0, which is all, or more", c.Cores)
	}
	return errors.Join(faults...)
}

// RefusedError says that the run does not want the worker. Nothing is gained by coming again as it is.
type RefusedError struct{ Worker, Why string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the run refuses worker %s: %s", e.Worker, e.Why)
}

// DivergedError says that a client's loss or update stopped being a number.
type DivergedError struct {
	Client uint32
	Round  uint64
	Base   uint64 // version that the round began from
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("diverged in round %d of client %d, from version %d: its loss or its update is not a number; try a smaller local.lr or outer.lr",
		e.Round, e.Client, e.Base)
}

// Run works until the run has stopped, which is nil, or ctx is done, which is ctx's error: it begins nothing new then,
// tells the leader that it leaves, and keeps what is not settled on disk for the next worker of this folder. Other errors
// are a *RefusedError, a *DivergedError, state on disk that does not fit (ErrState), and faults of the data and of the
// connection.
func Run(ctx context.Context, cfg Config) error {
	opened, err := kinds.Open(cfg.Run, cfg.Data)
	if err != nil {
		return errors.Join(cfg.Validate(), err)
	}
	switch p := opened.(type) {
	case problem.Problem[float32]:
		return Serve(ctx, cfg, p)
	case problem.Problem[float64]:
		return Serve(ctx, cfg, p)
	}
	return fmt.Errorf("problem.kind: %q: %T works in no arithmetic that weir knows", cfg.Run.Problem.Kind, opened)
}

// Serve is Run for a problem that is open already.
func Serve[T vec.Float](ctx context.Context, cfg Config, p problem.Problem[T]) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Cores == 0 {
		cfg.Cores = runtime.GOMAXPROCS(0)
	}
	folder, err := claim.Take(cfg.Dir)
	if err != nil {
		return fmt.Errorf("worker %s: %w", cfg.Name, err)
	}
	defer folder.Close()
	return start(ctx, cfg, p)
}
