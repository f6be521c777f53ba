package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"weir/config"
	"weir/coordinator"
	"weir/simulate"
)

// linesEvery is how often progress is told where no bar can be drawn. A test sets it.
var linesEvery = 3 * time.Second

// progress shows where a run is: a bar on a terminal, a line every few seconds elsewhere.
type progress struct {
	out  io.Writer // nil shows nothing
	err  io.Writer // for what is to be said in any case
	bar  *progressbar.ProgressBar
	last time.Time
	name string
}

// barSteps is what the bar counts to.
const barSteps = 1000

func newProgress(out io.Writer, cfg config.Config, quiet bool) *progress {
	p := &progress{out: out, err: out, last: time.Now(), name: cfg.Name}
	if quiet {
		p.out = nil
		return p
	}
	if isTerminal(out) {
		p.bar = progressbar.NewOptions(barSteps,
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// show is called after every version of a simulated run.
func (p *progress) show(at simulate.Progress) {
	p.say(at.Done, func() string { return line(at) })
}

// say shows how much is done, and the text where there is something to show it on.
func (p *progress) say(done float64, text func() string) {
	switch {
	case p.out == nil:
	case p.bar != nil:
		p.bar.Describe(text())
		_ = p.bar.Set(int(done * barSteps)) // a terminal that is gone has nobody to tell
	case time.Since(p.last) >= linesEvery:
		p.last = time.Now()
		fmt.Fprintf(p.out, "%s: %.0f%%  %s\n", p.name, 100*done, text())
	}
}

// note says what has happened, to be read afterwards too.
func (p *progress) note(text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.err, "weir: %s\n", text)
}

// done clears the bar.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// line is what is known about the newest version.
func line(at simulate.Progress) string {
	r := at.Row
	loss, measured := r.Metrics.Get("loss")
	if !measured {
		loss = r.TrainLoss
	}
	accuracy, measured := r.Metrics.Get("test_accuracy")
	if !measured {
		accuracy = math.NaN()
	}
	return fmt.Sprintf("version %d  %s virtual", r.Version, seconds(r.Time)) + learnt(loss, accuracy) +
		fmt.Sprintf("  staleness %s  %s up", figure(r.StalenessMean), bytes(r.BytesUp))
}

// learnt is what is known of a model: its loss and its accuracy, unless they are NaN.
func learnt(loss, accuracy float64) (text string) {
	if !math.IsNaN(loss) {
		text += "  loss " + figure(loss)
	}
	if !math.IsNaN(accuracy) {
		text += fmt.Sprintf("  accuracy %.1f%%", 100*accuracy)
	}
	return text
}

// clusterLine is what is known about a cluster.
func clusterLine(s coordinator.Status) string {
	switch {
	case s.Leader == "":
		return "nobody leads yet"
	case s.Waiting > 0:
		return fmt.Sprintf("waiting for %d clients", s.Waiting)
	}
	value := func(name string) float64 {
		if v, measured := s.Metrics[name]; measured {
			return float64(v)
		}
		return math.NaN()
	}
	loss := value("loss")
	if math.IsNaN(loss) {
		loss = float64(s.TrainLoss)
	}
	stale := ""
	if s.Staleness.Finite() {
		stale = "  staleness " + figure(float64(s.Staleness))
	}
	up := 0
	for _, n := range s.Nodes {
		if n.Role != "gone" {
			up++
		}
	}
	return fmt.Sprintf("version %d  %s", s.Version, seconds(s.Time)) + learnt(loss, value("test_accuracy")) + stale +
		fmt.Sprintf("  %s up  %s leads, %d of %d nodes", bytes(s.BytesUp), s.Leader, up, len(s.Nodes))
}

// figure writes a measured value with three digits that count.
func figure(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// seconds writes a span of time: 340ms, 12.3s, 4m5s, 3h12m.
func seconds(s float64) string {
	switch d := time.Duration(s * float64(time.Second)); {
	case s >= 1e9:
		return figure(s) + "s"
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d >= time.Second:
		return fmt.Sprintf("%.1fs", s)
	default:
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
}

// bytes writes a size in decimal units: 512 B, 1.2 MB.
func bytes(n uint64) string {
	v, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		if v < 999.5 { // what would be written as 1e+03
			break
		}
		v, unit = v/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}
