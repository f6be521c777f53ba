package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"weir/config"
	"weir/coordinator"
	"weir/record"
)

type replayCmd struct {
	Dir string `arg:"" help:"The run's folder, as weir up --record frames leaves it; or one that holds nodes/NAME/ledger of its nodes."`
	dataFolder
	JSON bool `name:"json" help:"Print the result as JSON."`
}

func (replayCmd) Help() string {
	return `Rebuilds every version of a run of a cluster from the log that its coordinator kept, on this machine, and compares each
with the digest that the log has of it. It fails at the first that differs. The problem's data is needed for the initial
model alone.

Example:
  weir up configs/quickstart.yaml --record frames --out runs/kept
  weir replay runs/kept`
}

// Run replays a run.
func (c *replayCmd) Run(ctx context.Context, term terminal) error {
	cfg, err := config.Load(filepath.Join(c.Dir, "config.yaml"), nil)
	if err != nil {
		return err
	}
	folders, err := c.folders()
	if err != nil {
		return err
	}
	last := time.Now()
	r, err := coordinator.Replay(ctx, cfg, c.Data, folders, func(at coordinator.Replayed) {
		if time.Since(last) >= linesEvery {
			last = time.Now()
			fmt.Fprintf(term.err, "version %d, %d of %d digests checked\n", at.Versions, at.Checked, at.Versions)
		}
	})
	if err != nil {
		return err
	}
	if err := c.compare(r); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(term.out, r)
	}
	_, err = fmt.Fprintf(term.out, "%d entries make %d versions of %d updates; %d digests are those of the log\nmodel %s\n",
		r.Entries, r.Versions, r.Updates, r.Checked, r.Digest)
	return err
}

// folders are the logs that the nodes recorded, of a run that is over or of one that is not.
func (c *replayCmd) folders() ([]string, error) {
	for _, pattern := range []string{filepath.Join("ledger", "*"), filepath.Join("nodes", "*", "ledger")} {
		if folders, err := filepath.Glob(filepath.Join(c.Dir, pattern)); err != nil || len(folders) > 0 {
			return folders, err
		}
	}
	return nil, usage("%s holds no log: record a run's with --record frames", c.Dir)
}

// compare holds the replayed model against the run's summary, if there is one.
func (c *replayCmd) compare(r coordinator.Replayed) error {
	run, err := record.Open(c.Dir)
	if err != nil || run.Summary.ModelDigest == "" || run.Summary.ModelDigest == r.Digest {
		return nil //nolint:nilerr // an unfinished run has no summary
	}
	return fmt.Errorf("%w: it makes the model %.12s, the run ended with %.12s", coordinator.ErrReplay, r.Digest, run.Summary.ModelDigest)
}
