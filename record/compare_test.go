package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/problem"
)

// scripted is a run of one version every cycle seconds and 100 bytes, with the given accuracies.
func scripted(t *testing.T, name string, cycle float64, accuracies ...float64) *Loaded {
	t.Helper()
	r, err := Create(filepath.Join(t.TempDir(), name), []byte("name: "+name+"\naggregate: {kind: fedfix}\n"))
	must(t, err)
	accuracy := Series{Larger: true}
	for v, a := range accuracies {
		accuracy.Add(uint64(v), a)
		must(t, r.Version(VersionRow{Version: uint64(v), Time: cycle * float64(v), BytesUp: uint64(100 * v), Metrics: problem.Metrics{{Name: "test_accuracy", Value: a}, {Name: "loss", Value: 1 - a}}}))
	}
	must(t, r.Finish(Summary{Name: name, Kind: "sim", Versions: uint64(len(accuracies) - 1), StoppedBy: "versions", Metrics: map[string]Metric{"test_accuracy": accuracy.Metric()}}, nil, nil))
	l, err := Open(r.Dir)
	must(t, err)
	return l
}

func TestCompareTimesRunsByTheMeanOfFive(t *testing.T) {
	runs := []*Loaded{
		scripted(t, "slow", 10, 0, .25, .5, .5, .75, .75, .75, .75, .75), // the mean of the last five is .75 at version 8
		scripted(t, "fast", 2, 0, 1, 0, .75, .75, .75, .75, .75, 1),      // at version 7: not at the lucky version 1
		scripted(t, "never", 1, 1, 1, 1, 1),                              // four evaluations are not five
	}
	c, err := Compare(runs, &Target{"test_accuracy", .75})
	must(t, err)
	type timed struct {
		At             *TimeToTarget
		Speedup, Saved float64
	}
	var got []timed
	for _, r := range c.Runs {
		row := timed{At: r.TimeToTarget}
		if r.Speedup != nil {
			row.Speedup, row.Saved = *r.Speedup, *r.BytesSaved
		}
		got = append(got, row)
	}
	want := []timed{
		{&TimeToTarget{Seconds: 80, Versions: 8, BytesUp: 800}, 1, 1},
		{&TimeToTarget{Seconds: 14, Versions: 7, BytesUp: 700}, 80. / 14, 8. / 7},
		{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A loss is to fall.
	c, err = Compare(runs, &Target{"loss", .25})
	if err != nil || c.Runs[1].TimeToTarget == nil || c.Runs[1].TimeToTarget.Versions != 7 {
		t.Errorf("loss: %v, %+v", err, c.Runs[1].TimeToTarget)
	}
	if _, err := Compare(runs, &Target{"accuracy", .75}); err == nil || !strings.Contains(err.Error(), "test_accuracy, loss") {
		t.Errorf("a metric that was never evaluated: %v", err)
	}
}

func TestCompareTellsRunsApart(t *testing.T) {
	a, b := scripted(t, "a", 1, 0), scripted(t, "b", 1, 0)
	labels := func(runs ...*Loaded) []string {
		c, err := Compare(runs, nil)
		must(t, err)
		var l []string
		for _, r := range c.Runs {
			l = append(l, r.Label)
		}
		return l
	}
	if diff := cmp.Diff([]string{"a", "b"}, labels(a, b)); diff != "" {
		t.Error("by name", diff)
	}
	b.Summary.Name, b.Summary.Seed = "a", 2
	if diff := cmp.Diff([]string{"a, seed 0", "a, seed 2"}, labels(a, b)); diff != "" {
		t.Error("by seed", diff)
	}
	b.Summary.Seed = 0
	if diff := cmp.Diff([]string{"a", "b"}, labels(a, b)); diff != "" {
		t.Error("by folder", diff)
	}
	if l := labels(a, a); l[0] == l[1] {
		t.Errorf("one folder twice: %q", l)
	}
}

func TestComparisonIsJSONWhateverTheRunsDid(t *testing.T) {
	killed := scripted(t, "killed", 1, .5)
	must(t, os.Remove(filepath.Join(killed.Dir, summaryFile)))
	killed, err := Open(killed.Dir)
	must(t, err)
	c, err := Compare([]*Loaded{killed}, nil)
	must(t, err)
	b, err := json.Marshal(c)
	must(t, err)
	if !bytes.Contains(b, []byte(`"aggregate":"fedfix"`)) || !bytes.Contains(b, []byte(`"bias_total_variation":null`)) {
		t.Errorf("%s", b)
	}
}

func TestParseTarget(t *testing.T) {
	got, err := ParseTarget("test_accuracy=0.75")
	if err != nil || got != (Target{"test_accuracy", .75}) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", "0.75", "=0.75", "loss=", "loss=x", "loss=NaN", "loss=+Inf"} {
		if _, err := ParseTarget(bad); err == nil || !strings.Contains(err.Error(), "such as test_accuracy=0.75") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReportSaysInWordsWhatHappened(t *testing.T) {
	show := func(target *Target, runs ...*Loaded) string {
		var page bytes.Buffer
		must(t, Report(&page, runs, target))
		return strings.ReplaceAll(page.String(), "\u00a0", " ")
	}
	a := scripted(t, "a", 60, 0, .25, .5, .5, .75, .75, .75, .75, .9)
	b := scripted(t, "b", 10, 0, .75, .75, .75, .75, .75)
	target := &Target{"test_accuracy", .75}
	for want, page := range map[string]string{
		"Test accuracy 0.9 at best (version 8), after 480 s of virtual time and 800 B up":  show(nil, a),
		"It reached test accuracy 0.75, as the mean of five evaluations, after 480 s":      show(target, a),
		"b reached test accuracy 0.75 first, after 50 s of virtual time: 9.6 times faster": show(target, a, b),
		"a is best: test accuracy 0.9 at version 8":                                        show(nil, b, a),
		"None of the runs reached test accuracy 0.99":                                      show(&Target{"test_accuracy", .99}, a, b),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	a.Summary.StoppedBy, a.Summary.Error = "diverged", "diverged after version 8: client 3 returned <NaN>"
	for _, want := range []string{"Diverged after version 8.", "Client 3 returned &lt;NaN&gt;."} {
		if page := show(nil, a); !strings.Contains(page, want) {
			t.Errorf("the page of a diverged run does not say %q", want)
		}
	}
	if err := Report(&bytes.Buffer{}, nil, nil); !errors.Is(err, ErrNoRuns) {
		t.Errorf("no runs: %v", err)
	}
}

// Names come from configs that others may have written.
func TestReportEscapesNames(t *testing.T) {
	evil := `<script>alert("x")</script>`
	a, b := scripted(t, "a", 1, 0, .5), scripted(t, "b", 1, 0, .5)
	a.Summary.Name, a.Config = evil, []byte("name: "+evil)
	a.Summary.Updates.Committed = 1
	a.Summary.Bias.Classes = []Class{{Name: evil, Target: .5, Share: .5}}
	a.Updates = []UpdateRow{{Verdict: evil, Arrived: 1}}
	a.Reasons = map[string]int{evil: 1}
	for _, runs := range [][]*Loaded{{a}, {a, b}} {
		var page bytes.Buffer
		must(t, Report(&page, runs, nil))
		if bytes.Contains(page.Bytes(), []byte("<script>alert")) || !bytes.Contains(page.Bytes(), []byte("&lt;script&gt;")) {
			t.Error("a name is not escaped")
		}
	}
}
