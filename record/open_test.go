package record

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/problem"
)

func TestWhatWasWrittenReadsBack(t *testing.T) {
	r := create(t)
	versions := []VersionRow{
		{TrainLoss: math.NaN(), Metrics: problem.Metrics{{Name: "loss", Value: 2.302585092994046}}},
		{Version: 1, Time: 1.0 / 3, Wall: 1e-9, Updates: 3, Weight: 0.7, StalenessMean: 2.0 / 3, StalenessMax: 2, TrainLoss: 1e300, BytesUp: math.MaxUint64, BytesDown: 1 << 53},
		{Version: 2, Time: 5e6, TrainLoss: math.Inf(1), Metrics: problem.Metrics{{Name: "loss", Value: math.NaN()}}},
	}
	updates := []UpdateRow{
		{Client: 999_999, Seq: 5, Base: 1, Assigned: 0.1, Started: 0.2, Finished: 0.30000000000000004, Arrived: 4e-7, Verdict: "admitted", Version: 2, Staleness: 1, Weight: 1e-5, Loss: 0.5, Norm: 3, Samples: 20, Steps: 1, BytesUp: 31400, BytesDown: 31400},
		{Verdict: "refused", Reason: `a "quoted", reason`, Loss: math.NaN(), Norm: math.Inf(-1)},
		{Verdict: "late", Reason: "staleness 51 > 50"},
	}
	for _, v := range versions {
		must(t, r.Version(v))
	}
	for _, u := range updates {
		must(t, r.Update(u))
	}
	must(t, r.Finish(diverged(), nil, []float64{1}))

	l, err := Open(r.Dir)
	must(t, err)
	if diff := cmp.Diff(versions, l.Versions, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(updates, l.Updates, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
	if len(l.Evaluated) != 2 || l.Summary.ModelDigest != "4f2a" || string(l.Config) != "name: a\n" {
		t.Errorf("%d evaluated, summary %+v, config %q", len(l.Evaluated), l.Summary, l.Config)
	}
	if diff := cmp.Diff(map[string]int{`a "quoted", reason`: 1, "staleness 51 > 50": 1}, l.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

// A process that is killed leaves no summary and may leave half a line: what the rows tell is still there.
func TestAKilledRunIsReadable(t *testing.T) {
	r := create(t)
	for v := range 12 {
		must(t, r.Version(VersionRow{Version: uint64(v), Time: float64(v), BytesUp: uint64(100 * v), Metrics: problem.Metrics{{Name: "test_accuracy", Value: 0.1 * float64(v%10)}}}))
		must(t, r.Update(UpdateRow{Client: v, Verdict: "admitted", Version: uint64(v + 1), Staleness: v % 3}))
	}
	must(t, r.Update(UpdateRow{Client: 1, Verdict: "duplicate"}))
	must(t, r.Flush())
	path := filepath.Join(r.Dir, "versions.csv")
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, b[:len(b)-3], 0o666)) // in the middle of version 11

	l, err := Open(r.Dir)
	must(t, err)
	want := Summary{
		Name: "a", Kind: "sim", Clients: 12, Versions: 10, VirtualSeconds: 10, StoppedBy: "killed",
		Metrics:   map[string]Metric{"test_accuracy": {Best: 0.9, Final: 0, Last10Mean: 0.45, Last50Mean: 4.5 / 11, AtBestVersion: 9}},
		Updates:   UpdateCounts{Sent: 13, Admitted: 12, Committed: 12, Duplicate: 1},
		Bytes:     ByteCounts{Up: 1000},
		Bias:      Bias{TotalVariation: math.NaN()},
		Staleness: StalenessSummary{Mean: 1, P50: 1, P95: 2, Max: 2, Histogram: []uint64{4, 4, 4}},
	}
	got := l.Summary
	got.WallSeconds = 0
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestDamageIsAnErrorThatNamesFileAndLine(t *testing.T) {
	tests := []struct {
		name, file string
		damage     func(string) string
		want       string
	}{
		{"a cell", versionsFile, func(s string) string { return strings.Replace(s, "\n1,1,", "\n1,one,", 1) }, `versions.csv line 3: column time: "one" is not a number`},
		{"a negative count", updatesFile, func(s string) string { return strings.Replace(s, "\n1,0,", "\n1,-1,", 1) }, `updates.csv line 3: column seq: "-1" is not a whole number`},
		{"a metric", versionsFile, func(s string) string { return strings.Replace(s, ",0.25\n", ",x\n", 1) }, `versions.csv line 2: column loss: "x" is not a number`},
		{"a lost cell", versionsFile, func(s string) string { return strings.Replace(s, "\n1,1,", "\n1,", 1) }, "versions.csv line 3: has 13 cells, the header has 14"},
		{"a header", updatesFile, func(s string) string { return strings.Replace(s, "arrived", "came", 1) }, "updates.csv line 1: no column called arrived"},
		{"a doubled header", updatesFile, func(s string) string { return strings.Replace(s, "arrived", "seq", 1) }, "updates.csv line 1: column 7"},
		{"an open quote", updatesFile, func(s string) string { return strings.Replace(s, "admitted", `"admitted`, 1) }, "updates.csv line 2: a quote"},
		{"empty", versionsFile, func(string) string { return "" }, "versions.csv line 1: no header"},
		{"a long line", versionsFile, func(s string) string { return s + strings.Repeat("x", maxLine+1) + "\n" }, "versions.csv line 5: longer than"},
		{"JSON", summaryFile, func(s string) string { return strings.Replace(s, `"seed":`, `"seed"`, 1) }, "summary.json line 4"},
		{"a type in JSON", summaryFile, func(s string) string { return strings.Replace(s, `"seed": 7`, `"seed": "x"`, 1) }, "summary.json line 4"},
		{"YAML", configFile, func(string) string { return "a: [" }, "config.yaml"},
		{"another folder", configFile, func(string) string { return "\x00gone" }, "not a run's folder"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := create(t)
			for v := range 3 {
				must(t, r.Version(VersionRow{Version: uint64(v), Time: float64(v), Metrics: problem.Metrics{{Name: "loss", Value: 0.25}}}))
				must(t, r.Update(UpdateRow{Client: v, Verdict: "admitted"}))
			}
			must(t, r.Finish(diverged(), nil, nil))
			path := filepath.Join(r.Dir, test.file)
			b, err := os.ReadFile(path)
			must(t, err)
			if damaged := test.damage(string(b)); damaged == "\x00gone" {
				must(t, os.Remove(path))
			} else {
				must(t, os.WriteFile(path, []byte(damaged), 0o666))
			}
			if _, err := Open(r.Dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestThinnedKeepsFirstAndLastAndEvenSpacing(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 16, 100, 12345} {
		kept := thinned[int]{max: 8}
		for i := range n {
			kept.add(i)
		}
		rows := kept.rows()
		if len(rows) > 8 || n > 0 && (rows[0] != 0 || rows[len(rows)-1] != n-1) || n <= 7 && len(rows) != n {
			t.Errorf("%d values: kept %v", n, rows)
		}
		for i := 2; i < len(rows)-1; i++ {
			if rows[i]-rows[i-1] != rows[1]-rows[0] {
				t.Errorf("%d values: uneven %v", n, rows)
			}
		}
	}
}

func FuzzOpenUpdates(f *testing.F) {
	header := strings.Join(updateColumns, ",") + "\n"
	f.Add(header + "3,1,0,0,0.25,1.5,1.75,admitted,,1,0,0.5,2.25,0.125,600,19,4096,8192\n")
	f.Add(header + `7,1,0,0,0,0,1.8,refused,"norm 12, above ""bound""",0,0,0,NaN,+Inf,0,0,0,0` + "\n3,")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := newRows("updates.csv", strings.NewReader(text), updateColumns)
		if err != nil {
			return
		}
		for r.next() {
			for range updateColumns {
				_ = r.text()
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	r, err := Create(filepath.Join(b.TempDir(), "a"), []byte("name: a\n"))
	if err != nil {
		b.Fatal(err)
	}
	const rows = 200_000
	for i := range rows {
		err := r.Update(UpdateRow{
			Client: i % 1000, Seq: uint64(i), Base: 90, Assigned: 511.123456789, Started: 511.2231, Finished: 517.98123, Arrived: 518.0312123,
			Verdict: "admitted", Version: 93, Staleness: 3, Weight: 0.0123141519, Loss: 0.4123123, Norm: 0.0331121, Samples: 600, Steps: 19, BytesUp: 512312, BytesDown: 512312,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(r.Dir); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
}
