package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

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

// job is a run that is about to begin or to go on.
type job struct {
	cfg     config.Config
	dir     string
	command string // that would run the config again
	rec     *record.Run
	empty   bool // nothing was in dir before
}

// Run simulates one config.
func (c *simCmd) Run(ctx context.Context, term terminal) error {
	j, err := c.open()
	if err != nil {
		return err
	}
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
	if err := c.tell(term, j, result.Summary); err != nil {
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

// nextFolder is the first of parent/name-1, parent/name-2, ... past all that exist.
func nextFolder(parent, name string) (string, error) {
	entries, err := os.ReadDir(parent)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	last := 0
	for _, e := range entries {
		if n, ok := folderNumber(e.Name(), name); ok {
			last = max(last, n)
		}
	}
	return filepath.Join(parent, name+"-"+strconv.Itoa(last+1)), nil
}

// folderNumber is the N of a folder called name-N.
func folderNumber(folder, name string) (int, bool) {
	if len(folder) <= len(name)+1 || folder[:len(name)+1] != name+"-" {
		return 0, false
	}
	n, err := strconv.Atoi(folder[len(name)+1:])
	return n, err == nil && n > 0
}

// tell says what the run came to and what to do next.
func (c *simCmd) tell(term terminal, j *job, s record.Summary) error {
	if c.JSON {
		text, err := os.ReadFile(filepath.Join(j.dir, "summary.json"))
		if err != nil {
			return err
		}
		_, err = term.out.Write(text)
		return err
	}
	if c.Quiet {
		_, err := fmt.Fprintln(term.out, j.dir)
		return err
	}
	out := term.out
	fmt.Fprintf(out, "%s: %d versions in %s of virtual time (%s here), stopped by %s\n",
		s.Name, s.Versions, seconds(s.VirtualSeconds), seconds(s.WallSeconds), s.StoppedBy)
	for _, name := range []string{"test_accuracy", "loss", "grad_norm"} {
		if m, measured := s.Metrics[name]; measured {
			fmt.Fprintf(out, "  %-14s best %s at version %d, final %s, mean of the last ten %s\n",
				name, figure(m.Best), m.AtBestVersion, figure(m.Final), figure(m.Last10Mean))
		}
	}
	fmt.Fprintf(out, "  %-14s %s up, %s down\n", "bytes", bytes(s.Bytes.Up), bytes(s.Bytes.Down))
	fmt.Fprintf(out, "  %-14s mean %s, at most %d versions\n", "staleness", figure(s.Staleness.Mean), s.Staleness.Max)
	fmt.Fprintf(out, "  %-14s %s (0: clients count by their data; 1: not at all)\n", "bias", figure(s.Bias.TotalVariation))
	fmt.Fprintf(out, "%s shows loss and accuracy against time and bytes, staleness, who took part, and who computed when\n",
		filepath.Join(j.dir, "report.html"))
	if s.StoppedBy != "diverged" && s.StoppedBy != "interrupt" { // they say themselves what to do
		fmt.Fprintln(out, "next: "+c.next(j))
	}
	return nil
}

// next is a command that makes use of the run: another to compare it with, or the comparison.
func (c *simCmd) next(j *job) string {
	if siblings := earlier(j.dir, j.cfg.Name); len(siblings) > 0 {
		return "weir report " + siblings[len(siblings)-1] + " " + j.dir
	}
	other := "fedavg"
	if j.cfg.Aggregate.Kind == other {
		other = "fedfix"
	}
	return fmt.Sprintf("%s --set aggregate.kind=%s", j.command, other)
}

// earlier lists the folders of the same name with smaller numbers, in order.
func earlier(dir, name string) []string {
	parent := filepath.Dir(dir)
	own, ok := folderNumber(filepath.Base(dir), name)
	entries, err := os.ReadDir(parent)
	if !ok || err != nil {
		return nil
	}
	var numbers []int
	for _, e := range entries {
		if n, ok := folderNumber(e.Name(), name); ok && n < own {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	folders := make([]string, len(numbers))
	for i, n := range numbers {
		folders[i] = filepath.Join(parent, name+"-"+strconv.Itoa(n))
	}
	return folders
}
