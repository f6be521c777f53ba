package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"weir/config"
	"weir/coordinator"
	"weir/record"
)

type replayCmd struct {
	Dir string `arg:"" help:"A run's folder, as weir up --record frames leaves it, a node's --dir, or what scripts/cluster collect has fetched."`
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
	run, logs, err := c.find()
	if err != nil {
		return err
	}
	cfg, err := config.Load(filepath.Join(run, "config.yaml"), nil)
	if err != nil {
		return err
	}
	last := time.Now()
	r, err := coordinator.Replay(ctx, cfg, c.Data, logs, func(at coordinator.Replayed) {
		if time.Since(last) >= linesEvery {
			last = time.Now()
			fmt.Fprintf(term.err, "version %d, %d of %d digests checked\n", at.Versions, at.Checked, at.Versions)
		}
	})
	if err != nil {
		return err
	}
	if err := compare(r, run); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(term.out, r)
	}
	_, err = fmt.Fprintf(term.out, "%d entries make %d versions of %d updates; %d digests are those of the log\nmodel %s\n",
		r.Entries, r.Versions, r.Updates, r.Checked, r.Digest)
	return err
}

// find looks for the logs that nodes recorded, and for the folder of the run's record.
func (c *replayCmd) find() (run string, logs []string, err error) {
	for _, place := range []struct{ run, logs string }{
		{".", "ledger/*"},       // of weir up
		{".", "nodes/*/ledger"}, // of weir up, before its end
		{"run", "ledger"},       // a node's folder
		{"state/*/run", "state/*/ledger"},
	} {
		runs, logs := c.glob(place.run+"/config.yaml"), c.glob(place.logs)
		if len(runs) > 0 && len(logs) > 0 {
			return filepath.Dir(runs[0]), logs, nil
		}
	}
	return "", nil, usage("%s holds no run with a log: record a run's with --record frames", c.Dir)
}

// glob is what there is in the folder, whose own name is no pattern.
func (c *replayCmd) glob(pattern string) []string {
	names, _ := fs.Glob(os.DirFS(c.Dir), path.Clean(pattern)) // the patterns are ours, and sound
	for i, name := range names {
		names[i] = filepath.Join(c.Dir, name)
	}
	return names
}

// compare holds the replayed model against the run's summary, if there is one.
func compare(r coordinator.Replayed, dir string) error {
	run, err := record.Open(dir)
	if err != nil || run.Summary.ModelDigest == "" || run.Summary.ModelDigest == r.Digest {
		return nil //nolint:nilerr // an unfinished run has no summary
	}
	return fmt.Errorf("%w: it makes the model %.12s, the run ended with %.12s", coordinator.ErrReplay, r.Digest, run.Summary.ModelDigest)
}
