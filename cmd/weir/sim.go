package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"weir/config"
	"weir/record"
	"weir/simulate"
)

type simCmd struct {
	Config string   `arg:"" optional:"" help:"The YAML file that describes the run."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Change one key of the config, such as stop.versions=10. May be repeated."`
	Out    string   `placeholder:"DIR" help:"The run's folder (default: runs/NAME-N, N the next free number)."`
	dataFolder
	Quiet  bool   `short:"q" help:"Show no progress; print only the run's folder."`
	JSON   bool   `name:"json" help:"Print the run's summary as JSON."`
	Resume string `placeholder:"DIR" help:"Go on with the interrupted run in DIR, instead of a CONFIG."`
}

func (simCmd) Help() string {
	return `Every client, its data, its speed and its network are simulated; the training is real. The run's folder holds
report.html, summary.json, versions.csv, updates.csv and the model. The same config and seed give the same model.

Ctrl-C ends a run cleanly: what it has so far is recorded, and --resume goes on from there.

Examples:
  weir sim configs/quickstart.yaml
  weir sim configs/quickstart.yaml --set aggregate.kind=fedavg --set seed=2
  weir sim configs/fashion-fedfix.yaml --data ../shared/data --out runs/first
  weir sim --resume runs/first`
}

// Run simulates one config.
func (c *simCmd) Run(ctx context.Context, term terminal) error {
	j, err := c.open()
	if err != nil {
		return err
	}
	warn(term, j.cfg)
	checkpoint := filepath.Join(j.dir, "checkpoint.bin")
	p := newProgress(term.err, j.cfg, c.Quiet)
	result, err := simulate.Run(ctx, j.cfg, simulate.Options{
		Data:       c.Data,
		Rows:       j.rec,
		Progress:   p.show,
		Checkpoint: checkpoint,
		Resume:     c.Resume != "",
	})
	p.done()
	var diverged *simulate.DivergedError
	if errors.Is(err, simulate.ErrNothingToResume) {
		return errors.Join(j.rec.Close(), usage("--resume %s: %v", j.dir, err))
	}
	if err != nil && !errors.As(err, &diverged) && !errors.Is(err, context.Canceled) {
		return errors.Join(j.abandon(c.Resume != ""), err)
	}
	if finish := j.rec.Finish(result.Summary, result.Model32, result.Model64); finish != nil {
		return finish
	}
	if err := j.tell(term, result.Summary, c.Quiet, c.JSON); err != nil {
		return err
	}
	switch {
	case diverged != nil:
		fmt.Fprintf(term.err, "weir: %v; its record is in %s\n", diverged, j.dir)
		return errSilent
	case err != nil:
		if _, lost := os.Stat(checkpoint); lost != nil {
			return err // it says why there is no checkpoint
		}
		fmt.Fprintf(term.err, "weir: interrupted after version %d; go on with: weir sim --resume %s\n", result.Summary.Versions, j.dir)
		return errSilent
	}
	if err := os.Remove(checkpoint); !errors.Is(err, os.ErrNotExist) {
		return err // of an interruption that this run has gone on from
	}
	return nil
}

// open reads the config and prepares the run's folder.
func (c *simCmd) open() (*job, error) {
	if c.Resume != "" {
		return c.reopen()
	}
	if c.Config == "" {
		return nil, usage("which config? Try: weir sim configs/quickstart.yaml")
	}
	cfg, err := config.Load(c.Config, c.Set)
	if err != nil {
		return nil, err
	}
	j := &job{cfg: cfg, dir: c.Out, command: "weir sim " + c.Config}
	if j.dir == "" {
		if j.dir, err = nextFolder("runs", cfg.Name); err != nil {
			return nil, err
		}
	}
	before, err := os.ReadDir(j.dir)
	j.empty = len(before) == 0
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, usage("--out: %v", err)
	}
	j.rec, err = record.Create(j.dir, cfg.YAML())
	if errors.Is(err, record.ErrHoldsRun) {
		return nil, usage("%v", err)
	}
	return j, err
}

// reopen goes on with a run as it was: a changed config would be another run.
func (c *simCmd) reopen() (*job, error) {
	if c.Config != "" || len(c.Set) > 0 || c.Out != "" {
		return nil, usage("--resume goes on with a run as it was: give no CONFIG, --set or --out beside it")
	}
	path := filepath.Join(c.Resume, "config.yaml")
	cfg, err := config.Load(path, nil)
	if err != nil {
		return nil, err
	}
	rec, err := record.Reopen(c.Resume)
	return &job{cfg: cfg, dir: c.Resume, command: "weir sim " + path, rec: rec}, err
}

// abandon closes the record of a run that never began, and leaves no trace of a folder that was made for it.
func (j *job) abandon(resumed bool) error {
	err := j.rec.Close()
	if !resumed && j.empty {
		err = errors.Join(err, os.RemoveAll(j.dir))
	}
	return err
}
