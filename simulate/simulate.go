package simulate

import (
	"context"
	"errors"
	"fmt"

	"weir/config"
	"weir/journal"
	"weir/ledger"
	"weir/problem"
	"weir/problem/kinds"
	"weir/record"
)

// Options are what a run needs besides its config.
type Options struct {
	Data     string         // folder that holds the data sets
	Rows     journal.Rows   // where versions and updates are recorded; nil records nothing
	Progress func(Progress) // called on the event loop after every version, so it must be quick; may be nil
	// Log is called with every command before it is applied, and with an admit's frames: enough to replay the run. May
	// be nil; the frames are only lent.
	Log func(c ledger.Command, update []byte) error
	// Checkpoint is the file that an interrupted run leaves and a resumed one starts from; empty for none.
	Checkpoint string
	Resume     bool

	damages func(client uint32, seq uint64) bool // for tests: whether an update is damaged on its way
}

// Progress is where a run is.
type Progress struct {
	Row  record.VersionRow // the newest version; metrics are those of the newest evaluation
	Done float64           // fraction of the run that is over, by the nearest of its bounds; 0 when it has none
}

// Result is what a finished run leaves. Exactly one of the model's two forms is set, by the problem's arithmetic.
type Result struct {
	Summary record.Summary
	Model32 []float32
	Model64 []float64
}

// DivergedError says that the model or a loss stopped being a number. The result that comes with it is valid up to
// the version before.
type DivergedError struct {
	Version uint64 // the last version that was still finite
	Client  int    // whose update was not, or -1 when it was the model
}

func (e *DivergedError) Error() string {
	who := "the model's loss"
	if e.Client >= 0 {
		who = fmt.Sprintf("the loss or the update of client %d", e.Client)
	}
	return fmt.Sprintf("diverged after version %d: %s is not a number; try a smaller local.lr or outer.lr", e.Version, who)
}

// ErrNothingToResume is returned when Options.Resume finds no checkpoint.
var ErrNothingToResume = errors.New("the run left no checkpoint: it ended by itself")

// Run simulates cfg until it stops, diverges (*DivergedError), or ctx is done (context.Canceled; the checkpoint then
// holds everything that is needed to go on). The result is valid in all three cases.
func Run(ctx context.Context, cfg config.Config, opt Options) (Result, error) {
	opened, err := kinds.Open(cfg, opt.Data)
	if err != nil {
		return Result{}, err
	}
	switch p := opened.(type) {
	case problem.Problem[float32]:
		return start(ctx, cfg, opt, p)
	case problem.Problem[float64]:
		return start(ctx, cfg, opt, p)
	}
	return Result{}, fmt.Errorf("problem.kind: %q: %T works in no arithmetic that weir knows", cfg.Problem.Kind, opened)
}
