package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"weir/config"
	"weir/record"
)

// job is a run that is about to begin or to go on.
type job struct {
	cfg     config.Config
	dir     string
	command string // that would run the config again
	rec     *record.Run
	empty   bool // nothing was in dir before
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

// warn says what of a config is allowed and likely to disappoint.
func warn(term terminal, cfg config.Config) {
	for _, w := range cfg.Warnings() {
		fmt.Fprintf(term.err, "weir: warning: %v\n", w)
	}
}

// tell says what the run came to and what to do next.
func (j *job) tell(term terminal, s record.Summary, quiet, asJSON bool) error {
	if asJSON {
		text, err := os.ReadFile(filepath.Join(j.dir, "summary.json"))
		if err != nil {
			return err
		}
		_, err = term.out.Write(text)
		return err
	}
	if quiet {
		_, err := fmt.Fprintln(term.out, j.dir)
		return err
	}
	out := term.out
	span := seconds(s.WallSeconds)
	if s.Kind == "sim" {
		span = fmt.Sprintf("%s of virtual time (%s here)", seconds(s.VirtualSeconds), span)
	}
	fmt.Fprintf(out, "%s: %d versions in %s, stopped by %s\n", s.Name, s.Versions, span, s.StoppedBy)
	for _, name := range []string{"test_accuracy", "loss", "grad_norm", "sum_rate", "residual"} {
		if m, measured := s.Metrics[name]; measured {
			fmt.Fprintf(out, "  %-14s best %s at version %d, final %s, mean of the last ten %s\n",
				name, figure(m.Best), m.AtBestVersion, figure(m.Final), figure(m.Last10Mean))
		}
	}
	fmt.Fprintf(out, "  %-14s %s up, %s down\n", "bytes", bytes(s.Bytes.Up), bytes(s.Bytes.Down))
	fmt.Fprintf(out, "  %-14s mean %s, at most %d versions\n", "staleness", figure(s.Staleness.Mean), s.Staleness.Max)
	if s.WindowSeconds > 0 {
		fmt.Fprintf(out, "  %-14s %s between commits\n", "window", seconds(s.WindowSeconds))
	}
	shows := "loss and accuracy against time and bytes, staleness, who took part, and who computed when"
	if j.cfg.Problem.Kind == "waterfill" {
		shows = "the residual beside the certified rate, water levels, who disturbs whom, and who computed when"
	} else {
		fmt.Fprintf(out, "  %-14s %s (0: clients count by their data; 1: not at all)\n", "bias", figure(s.Bias.TotalVariation))
	}
	fmt.Fprintf(out, "%s shows %s\n", filepath.Join(j.dir, "report.html"), shows)
	if s.StoppedBy != "diverged" && s.StoppedBy != "interrupt" { // they say themselves what to do
		fmt.Fprintln(out, "next: "+j.next())
	}
	return nil
}

// next is a command that makes use of the run: another to compare it with, or the comparison.
func (j *job) next() string {
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
