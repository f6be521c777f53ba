package record

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/problem"
)

// file is the text of a file of r's folder, with all rows so far.
func file(t *testing.T, r *Run, name string) string {
	t.Helper()
	if r.versions.file != nil {
		if err := r.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func create(t *testing.T) *Run {
	t.Helper()
	r, err := Create(filepath.Join(t.TempDir(), "runs", "a"), []byte("name: a\n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRowsAreLinesOfCSV(t *testing.T) {
	r := create(t)
	must(t, r.Version(VersionRow{Metrics: problem.Metrics{{Name: "loss", Value: 2.5}, {Name: "test_accuracy", Value: 0.1}}, TrainLoss: math.NaN()}))
	must(t, r.Update(UpdateRow{
		Client: 3, Seq: 1, Base: 0, Assigned: 0, Started: 0.25, Finished: 1.5, Arrived: 1.75, Verdict: "admitted",
		Version: 1, Weight: 0.5, Loss: 2.25, Norm: 0.125, Samples: 600, Steps: 19, BytesUp: 4096, BytesDown: 8192,
		Score: 0.75, Probability: 0.25, Components: [5]float64{1, 0.5, -1, 0, 0.125}, Density: 0.04,
	}))
	none := math.NaN()
	must(t, r.Update(UpdateRow{Client: 7, Seq: 1, Arrived: 1.8, Verdict: "refused", Reason: "norm 12, above\n\"bound\" 10", Loss: math.NaN(), Norm: math.Inf(1), Score: 1, Probability: none, Components: [5]float64{none, none, none, none, none}}))
	must(t, r.Version(VersionRow{Version: 1, Time: 2, Wall: 0.01, Updates: 1, Weight: 1, StalenessMean: 0.5, StalenessMax: 1, TrainLoss: 2.25, BytesUp: 4096, BytesDown: 8192, Samples: 600}))
	must(t, r.Version(VersionRow{Version: 2, Time: 4, Metrics: problem.Metrics{{Name: "test_accuracy", Value: math.NaN()}, {Name: "loss", Value: math.Inf(1)}}}))

	wantVersions := `version,time,wall,updates,weight,staleness_mean,staleness_max,window_loss,bytes_up,bytes_down,contraction,error_norm,samples,loss,test_accuracy
0,0,0,0,0,0,0,,0,0,0,0,0,2.5,0.1
1,2,0.01,1,1,0.5,1,2.25,4096,8192,0,0,600,,
2,4,0,0,0,0,0,0,0,0,0,0,0,+Inf,NaN
`
	wantUpdates := `client,seq,base,assigned,started,finished,arrived,verdict,reason,version,staleness,weight,loss,norm,samples,steps,bytes_up,bytes_down,contraction,error_norm,eta,score,probability,score_value,score_diversity,score_fairness,score_staleness,score_speed,density
3,1,0,0,0.25,1.5,1.75,admitted,,1,0,0.5,2.25,0.125,600,19,4096,8192,0,0,0,0.75,0.25,1,0.5,-1,0,0.125,0.04
7,1,0,0,0,0,1.8,refused,"norm 12, above ""bound"" 10",0,0,0,NaN,+Inf,0,0,0,0,0,0,0,1,,,,,,,0
`
	if diff := cmp.Diff(wantVersions, file(t, r, "versions.csv")); diff != "" {
		t.Errorf("versions.csv (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantUpdates, file(t, r, "updates.csv")); diff != "" {
		t.Errorf("updates.csv (-want +got):\n%s", diff)
	}
}

// Metrics may come at version 0, at version 1 or later: the file grows a column for each when it first comes.
func TestMetricColumnsComeWhenTheyAreFirstMeasured(t *testing.T) {
	r := create(t)
	must(t, r.Version(VersionRow{}))
	must(t, r.Version(VersionRow{Version: 1, Metrics: problem.Metrics{{Name: "loss", Value: 3}}}))
	must(t, r.Version(VersionRow{Version: 2, Metrics: problem.Metrics{{Name: "loss", Value: 2}, {Name: "grad_norm", Value: 1}}}))
	want := `bytes_up,bytes_down,contraction,error_norm,samples,loss,grad_norm
0,0,0,0,0,,
0,0,0,0,0,3,
0,0,0,0,0,2,1
`
	var got strings.Builder
	for line := range strings.Lines(file(t, r, "versions.csv")) {
		got.WriteString(strings.Join(strings.Split(line, ",")[8:], ","))
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("right end of versions.csv (-want +got):\n%s", diff)
	}

	err := r.Version(VersionRow{Version: 3, Metrics: problem.Metrics{{Name: "weight", Value: 1}}})
	if err == nil || !strings.Contains(err.Error(), "weight: a metric needs another name") {
		t.Errorf("a metric called like a column: %v", err)
	}
}

func TestCreateRefusesAFolderThatHoldsARun(t *testing.T) {
	r := create(t)
	_, err := Create(r.Dir, nil)
	if !errors.Is(err, ErrHoldsRun) || !strings.Contains(err.Error(), "--resume "+r.Dir) {
		t.Errorf("Create over a run: %v", err)
	}
	if got := file(t, r, "config.yaml"); got != "name: a\n" {
		t.Errorf("config.yaml is now %q", got)
	}
}

func TestResumeDropsRowsPastTheCheckpoint(t *testing.T) {
	r := create(t)
	for v := range uint64(5) {
		must(t, r.Version(VersionRow{Version: v, Metrics: problem.Metrics{{Name: "loss", Value: float64(v)}}}))
		must(t, r.Update(UpdateRow{Seq: 2 * v}))
		must(t, r.Update(UpdateRow{Seq: 2*v + 1}))
	}
	must(t, r.Flush())
	// The process dies in the middle of a line.
	f, err := os.OpenFile(filepath.Join(r.Dir, "versions.csv"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("5,12.5,0.0")
	must(t, errors.Join(err, f.Close()))

	must(t, writeSummary(filepath.Join(r.Dir, summaryFile), Summary{StoppedBy: "interrupt"}))

	again, err := Reopen(r.Dir)
	must(t, err)
	defer again.Close()
	if string(again.Config) != "name: a\n" {
		t.Errorf("config %q", again.Config)
	}
	must(t, again.Rewind(3, 4))
	if _, err := os.Stat(filepath.Join(r.Dir, summaryFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the summary of the interrupted run is still there: %v", err)
	}
	must(t, again.Version(VersionRow{Version: 3, Metrics: problem.Metrics{{Name: "loss", Value: 33}}}))
	must(t, again.Update(UpdateRow{Seq: 44}))
	if got, want := firstCells(file(t, again, "versions.csv")), "version 0 1 2 3"; got != want {
		t.Errorf("versions.csv has rows %s, want %s", got, want)
	}
	if got := file(t, again, "versions.csv"); !strings.HasSuffix(got, ",33\n") {
		t.Errorf("the metric of the new row is not in its column: %s", got)
	}
	if got, want := strings.Count(file(t, again, "updates.csv"), "\n"), 1+5; got != want {
		t.Errorf("updates.csv has %d lines, want %d", got, want)
	}
	if err := again.Rewind(9, 0); err == nil || !strings.Contains(err.Error(), "versions.csv holds 4 rows, 9 are needed") {
		t.Errorf("rewinding to rows that were lost: %v", err)
	}
}

func TestReopenRefusesColumnsItDoesNotKnow(t *testing.T) {
	r := create(t)
	must(t, r.Close())
	must(t, os.WriteFile(filepath.Join(r.Dir, "updates.csv"), []byte("client,sequence\n1,2\n"), 0o666))
	if _, err := Reopen(r.Dir); err == nil || !strings.Contains(err.Error(), "updates.csv line 1") {
		t.Errorf("Reopen: %v", err)
	}
}

func firstCells(csv string) string {
	var cells []string
	for line := range strings.Lines(csv) {
		cell, _, _ := strings.Cut(line, ",")
		cells = append(cells, cell)
	}
	return strings.Join(cells, " ")
}

func BenchmarkUpdate(b *testing.B) {
	r, err := Create(filepath.Join(b.TempDir(), "a"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	u := UpdateRow{
		Client: 317, Seq: 12, Base: 90, Assigned: 511.123456789, Started: 511.2231, Finished: 517.98123, Arrived: 518.0312123,
		Verdict: "admitted", Version: 93, Staleness: 3, Weight: 0.0123141519, Loss: 0.4123123, Norm: 0.0331121, Samples: 600, Steps: 19, BytesUp: 512312, BytesDown: 512312,
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Update(u); err != nil {
			b.Fatal(err)
		}
	}
}
