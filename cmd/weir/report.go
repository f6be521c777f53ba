package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"weir/record"
)

type reportCmd struct {
	Dirs   []string `arg:"" name:"dir" help:"The folders of runs; the first is what the others are compared with."`
	Target string   `placeholder:"METRIC=VALUE" help:"Time the runs by when the mean of five evaluations reached this, such as test_accuracy=0.75."`
	JSON   bool     `name:"json" help:"Print the comparison as JSON; writes a page only with --out."`
	Out    string   `placeholder:"FILE" help:"The page (default: DIR/report.html for one run, compare.html for several)."`
}

func (reportCmd) Help() string {
	return `A page opens in any browser, offline. It shows loss and accuracy against time and against bytes, staleness, who took
part and how biased that was. A run that is still going on, or was killed, is shown as far as it got.

Examples:
  weir report runs/quickstart-1
  weir report runs/fashion-fedavg-1 runs/fashion-fedfix-1 --target test_accuracy=0.75`
}

// Run compares the runs and writes their page.
func (c *reportCmd) Run(term terminal) error {
	var target *record.Target
	if c.Target != "" {
		t, err := record.ParseTarget(c.Target)
		if err != nil {
			return usage("--target: %v", err)
		}
		target = &t
	}
	runs := make([]*record.Loaded, len(c.Dirs))
	for i, dir := range c.Dirs {
		if _, err := os.Stat(dir); err != nil {
			return usage("%s: no such folder: want that of a run", dir)
		}
		var err error
		if runs[i], err = record.Open(dir); err != nil {
			return err
		}
	}
	comparison, err := record.Compare(runs, target)
	if err != nil {
		return err
	}
	page := c.page()
	if page != "" {
		if err := record.WriteReport(page, runs, target); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(term.out, comparison)
	}
	if err := printComparison(term.out, comparison); err != nil {
		return err
	}
	_, err = fmt.Fprintf(term.out, "%s shows more: open it in a browser\n", page)
	return err
}

// page is where the page goes; empty for nowhere.
func (c *reportCmd) page() string {
	switch {
	case c.Out != "" || c.JSON:
		return c.Out
	case len(c.Dirs) == 1:
		return filepath.Join(c.Dirs[0], "report.html")
	default:
		return "compare.html"
	}
}

// printComparison prints one line a run.
func printComparison(out io.Writer, c record.Comparison) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "RUN\tVERSIONS\tVIRTUAL TIME\tBEST ACCURACY\tLAST TEN\tBYTES UP\tSTALENESS\tBIAS"
	if c.Target != nil {
		head += fmt.Sprintf("\tTO %s %s\tSPEEDUP", c.Target.Metric, figure(c.Target.Value))
	}
	fmt.Fprintln(table, head)
	for _, r := range c.Runs {
		best, last := "-", "-"
		for _, accuracy := range []string{"validation_accuracy", "test_accuracy"} {
			if m, measured := r.Metrics[accuracy]; measured {
				best, last = figure(m.Best), figure(m.Last10Mean)
			}
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s",
			r.Label, r.Versions, seconds(r.VirtualSeconds), best, last, bytes(r.BytesUp), figure(r.StalenessMean), figure(r.Bias))
		if c.Target != nil {
			reached, speedup := "never", "-"
			if r.TimeToTarget != nil {
				reached = seconds(r.TimeToTarget.Seconds)
			}
			if r.Speedup != nil {
				speedup = figure(*r.Speedup) + "x"
			}
			fmt.Fprintf(table, "\t%s\t%s", reached, speedup)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
