package ledger

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/aggregate"
	"weir/selection"
	"weir/staleness"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestScenarios plays testdata/*.txt. A file opens with what it guards. A line that is not indented is a command;
// the indented lines below it are what the ledger decided.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func play(t *testing.T, script string) string {
	var out strings.Builder
	var l *Ledger
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		word, args := parseLine(t, line)
		switch word {
		case "config":
			var err error
			if l, err = New(args.config()); err != nil {
				fmt.Fprintf(&out, "  %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
			}
		case "due":
			if due := l.Due(); due == aggregate.Never {
				fmt.Fprintln(&out, "  never")
			} else {
				fmt.Fprintf(&out, "  %v\n", time.Duration(due))
			}
		case "counts":
			fmt.Fprintf(&out, "  %+v\n", l.Counts())
		default:
			describe(&out, l.Apply(args.command(word)))
		}
	}
	return out.String()
}

// describe writes a decision as indented lines.
func describe(out *strings.Builder, d *Decision) {
	if d.Verdict != 0 {
		fmt.Fprintf(out, "  %v", d.Verdict)
		if d.Reason != None {
			fmt.Fprintf(out, ": %v", d.Reason)
		}
		if d.Verdict.Decoded() {
			fmt.Fprintf(out, " staleness=%d weight=%.6g", d.Staleness, d.Weight)
		}
		out.WriteString("\n")
	}
	if c := d.Commit; c != nil {
		fmt.Fprintf(out, "  commit version=%d scale=%.6g", c.Version, c.Scale)
		if c.Rate != 1 {
			fmt.Fprintf(out, " rate=%.6g", c.Rate)
		}
		out.WriteString(" of")
		for _, e := range c.Updates {
			fmt.Fprintf(out, " %d/%d", e.Client, e.Seq)
		}
		out.WriteString("\n")
	}
	for _, a := range d.Assign {
		fmt.Fprintf(out, "  assign client=%d seq=%d base=%d", a.Client, a.Seq, a.Base)
		if c := a.Choice; !math.IsNaN(c.Components[0]) {
			fmt.Fprintf(out, " p=%.4g score=%.4g of %.3g", c.Probability, c.Score, c.Components)
		}
		out.WriteString("\n")
	}
	if d.Stopped != "" {
		fmt.Fprintf(out, "  stopped by %s\n", d.Stopped)
	}
}

type arguments struct {
	t      *testing.T
	values map[string]string
}

func parseLine(t *testing.T, line string) (string, arguments) {
	fields := strings.Fields(line)
	a := arguments{t, map[string]string{}}
	for _, f := range fields[1:] {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			t.Fatalf("%q: want key=value", line)
		}
		a.values[key] = value
	}
	return fields[0], a
}

func (a arguments) number(key string) float64 {
	s, ok := a.values[key]
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

func (a arguments) duration(key string) int64 {
	s, ok := a.values[key]
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		a.t.Fatal(err)
	}
	return int64(v)
}

func (a arguments) word(key, fallback string) string {
	if s, ok := a.values[key]; ok {
		return s
	}
	return fallback
}

func (a arguments) config() Config {
	c := Config{
		Seed:        1,
		Concurrency: int(a.number("concurrency")),
		Aggregate: aggregate.Config{
			Kind: a.word("kind", "fedavg"), Window: a.duration("window"), Deadline: a.duration("deadline"),
			Size: int(a.number("size")), Alpha: 1, Weights: a.word("weights", "share"), WeightCap: 10,
		},
		Staleness: staleness.Config{Kind: a.word("staleness", "constant"), Max: int(a.number("max"))},
		Selection: selection.DefaultConfig(),
		Stop:      Bounds{Versions: uint64(a.number("versions")), Time: a.duration("time")},
	}
	c.Selection.Kind = a.word("selection", "all")
	if _, ok := a.values["target"]; ok {
		c.Stop.Target = &Target{Value: a.number("target"), Smaller: a.word("better", "larger") == "smaller"}
	}
	return c
}

func (a arguments) command(word string) Command {
	c := Command{
		Time: a.duration("time"), Client: uint32(a.number("client")), Samples: 1, Cycle: a.duration("cycle"),
		Seq: uint64(a.number("seq")), Base: uint64(a.number("base")), Loss: a.number("loss"), RMS: a.number("loss"), Cosine: a.number("cosine"), Norm: a.number("norm"),
		Value: a.number("value"), Why: a.word("why", ""),
	}
	if s := a.number("samples"); s > 0 {
		c.Samples = uint64(s)
	}
	for r := range lastReason + 1 {
		if strings.ReplaceAll(r.String(), " ", "-") == a.word("fault", "") {
			c.Fault = r
		}
	}
	for k := Register; k <= Stop; k++ {
		if k.String() == word {
			c.Kind = k
			return c
		}
	}
	a.t.Fatalf("unknown command %q", word)
	return c
}
