package record

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// diverged is a small summary with everything in it that JSON has no word for.
func diverged() Summary {
	nan, distance := math.NaN(), 0.25
	return Summary{
		Name: "quadratic-fedfix", Kind: "sim", Seed: 7, Clients: 3, Parameters: 2, Versions: 12,
		WallSeconds: 0.5, VirtualSeconds: 6, StoppedBy: "diverged", Error: "diverged after version 12", ModelDigest: "4f2a",
		Metrics: map[string]Metric{
			"test_accuracy": {Best: 0.5, Final: 0.25, Last10Mean: 0.375, Last50Mean: 0.375, AtBestVersion: 4},
			"loss":          {Best: 1.5, Final: nan, Last10Mean: math.Inf(1), Last50Mean: nan, AtBestVersion: 3},
		},
		Updates:       UpdateCounts{Sent: 30, Admitted: 28, Committed: 27, Refused: 1, Late: 1},
		Samples:       900,
		Bytes:         ByteCounts{Up: 240, Down: 480, UpUncompressed: 240, DownUncompressed: 480},
		Staleness:     StalenessSummary{Mean: 0.5, P50: 0, P95: 2, Max: 2, Histogram: []uint64{20, 4, 4}},
		Bias:          Bias{TotalVariation: 0.125, Gini: 0.25, Share: []float64{0.25, 0.25, 0.5}, Target: []float64{0.375, 0.25, 0.375}, Classes: []Class{{Name: "fast", Clients: 3, Cycle: 1, Participation: 1, Share: 1, Target: 1}}},
		Time:          TimeShares{Compute: 0.75, BlockedOnNetwork: 0.125, Idle: 0.125, Overlap: 1},
		Theta:         []float64{1, math.Inf(-1)},
		XStarDistance: &distance,
	}
}

func TestSummaryGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.json")
	must(t, writeSummary(path, diverged()))
	got, err := os.ReadFile(path)
	must(t, err)
	golden := filepath.Join("testdata", "summary.json")
	if *rewrite {
		must(t, os.WriteFile(golden, got, 0o666))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("summary.json (-want +got):\n%s", diff)
	}
}

// Every encoder can print a summary, and what was not a number reads back as NaN.
func TestSummaryRoundTrip(t *testing.T) {
	b, err := json.MarshalIndent(diverged(), "", " ")
	must(t, err)
	if !json.Valid(b) || bytes.Contains(b, []byte("Inf")) {
		t.Errorf("not JSON: %s", b)
	}
	var got Summary
	must(t, json.Unmarshal(b, &got))
	want := diverged()
	want.Theta[1] = math.NaN()
	loss := want.Metrics["loss"]
	loss.Last10Mean = math.NaN()
	want.Metrics["loss"] = loss
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestModelRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, modelFile)
	x32 := []float32{1, -0.5, float32(math.Inf(1)), 1e-40}
	must(t, writeModel(path, x32, nil, "4f2a"))
	got32, got64, err := ReadModel(dir)
	if err != nil || got64 != nil || !cmp.Equal(got32, x32) {
		t.Errorf("F32: %v %v %v", got32, got64, err)
	}
	x64 := []float64{math.Pi, -1e300}
	must(t, writeModel(path, nil, x64, "4f2a"))
	got32, got64, err = ReadModel(dir)
	if err != nil || got32 != nil || !cmp.Equal(got64, x64) {
		t.Errorf("F64: %v %v %v", got32, got64, err)
	}
	must(t, writeModel(path, nil, nil, "")) // kind none with no parameters
	if got32, got64, err = ReadModel(dir); err != nil || len(got32)+len(got64) != 0 {
		t.Errorf("empty: %v %v %v", got32, got64, err)
	}
}

func TestReadModelRefusesSizesThatLie(t *testing.T) {
	header := func(s string) string { return string([]byte{byte(len(s)), 0, 0, 0, 0, 0, 0, 0}) + s }
	tests := []struct{ name, file, want string }{
		{"empty", "", "too short"},
		{"header past the end", "\xff\xff\xff\xff\xff\xff\xff\xff{}", "does not fit"},
		{"header not JSON", header("{"), "header:"},
		{"no tensor x", header(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`), "one tensor x"},
		{"a matrix", header(`{"x":{"dtype":"F32","shape":[0,0],"data_offsets":[0,0]}}`), "one tensor x"},
		{"half precision", header(`{"x":{"dtype":"F16","shape":[0],"data_offsets":[0,0]}}`), "one tensor x"},
		{"more numbers than bytes", header(`{"x":{"dtype":"F32","shape":[999999999999],"data_offsets":[0,8]}}`) + "01234567", "8 bytes follow"},
		{"a negative size", header(`{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`) + "01234567", "8 bytes follow"},
		{"bytes left over", header(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`) + "0123456", "7 bytes follow"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, modelFile), []byte(test.file), 0o666))
			if _, _, err := ReadModel(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
