package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// What programs read: the fields of every case, and figures that do not depend on the machine.
func TestBenchVectorsAsJSON(t *testing.T) {
	fields := []string{"best_ns", "bits_per_index", "gbps_input", "n", "name", "ns", "ratio", "threads"}
	for _, command := range []string{"compress", "aggregate"} {
		var out strings.Builder
		if got := run([]string{"bench", command, "--json", "--n", "400000", "--reps", "1"}, terminal{out: &out, err: io.Discard}); got != exitDone {
			t.Fatalf("bench %s: exit status %d", command, got)
		}
		var results []map[string]any
		if err := json.Unmarshal([]byte(out.String()), &results); err != nil {
			t.Fatalf("bench %s: %v in\n%s", command, err, out.String())
		}
		if len(results) == 0 {
			t.Fatalf("bench %s: no results", command)
		}
		for _, r := range results {
			name := r["name"].(string)
			value := func(field string) float64 { return r[field].(float64) }
			want := fields
			if dense := command == "aggregate" && !strings.Contains(name, "topk"); dense {
				want = append(slices.Clone(fields), "of_axpy")
				slices.Sort(want)
			}
			if got := slices.Sorted(maps.Keys(r)); !slices.Equal(got, want) {
				t.Fatalf("bench %s, %s: fields %q, want %q", command, name, got, want)
			}
			if value("n") != 400_000 || value("threads") != 1 || value("best_ns") > value("ns") {
				t.Errorf("bench %s: %v", command, r)
			}
			if got, want := value("gbps_input")*value("ns"), 1_600_000.0; math.Abs(got/want-1) > 1e-9 {
				t.Errorf("bench %s, %s: gbps_input times ns is %v bytes, want %v", command, name, got, want)
			}
			ratio, bits := expectedSize(name)
			if got := value("ratio"); math.Abs(got/ratio-1) > 0.02 {
				t.Errorf("bench %s, %s: ratio %v, want %v", command, name, got, ratio)
			}
			if got := value("bits_per_index"); bits == 0 && got != 0 || math.Abs(got-bits) > 0.1 {
				t.Errorf("bench %s, %s: %v bits an index, want %v", command, name, got, bits)
			}
		}
	}
}

// expectedSize is the ratio and the bits an index that a case should come to; headers cost up to 2% more.
func expectedSize(name string) (ratio, bitsPerIndex float64) {
	const atOnePercent = 8.1 // Golomb-Rice; the entropy of 1% is 8.08
	switch {
	case strings.Contains(name, "topk 1% fp32"):
		return 3200 / (32 + atOnePercent), atOnePercent
	case strings.Contains(name, "topk 1% int8"):
		return 3200 / (8 + 32.0/256 + atOnePercent), atOnePercent
	case strings.Contains(name, "randk 1% int8"):
		return 3200 / (8 + 32.0/256), 0
	case strings.Contains(name, "int8"):
		return 32 / (8 + 32.0/256), 0
	case strings.Contains(name, "int4"):
		return 32 / (4 + 32.0/256), 0
	case strings.Contains(name, "sign"):
		return 32 / (1 + 32.0/4096), 0
	}
	return 1, 0
}

// What is timed allocates nothing, so that no collector's work is in the figures.
func TestBenchedWorkAllocatesNothing(t *testing.T) {
	g := (&vectorFlags{N: 30_000}).noise()
	compressing, err := compressCases(g)
	if err != nil {
		t.Fatal(err)
	}
	aggregating, err := aggregateCases(make([]float32, len(g)), g)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(compressing, aggregating) {
		for range 5 { // buffers grow to what they need
			if err := c.run(&c); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		if allocs := testing.AllocsPerRun(3, func() { err = c.run(&c) }); allocs != 0 || err != nil {
			t.Errorf("%s: %v allocations, error %v", c.name, allocs, err)
		}
	}
}

// The share of axpy's bandwidth counts all bytes that a case reads and writes, against the faster of the two axpys.
func TestOfAxpy(t *testing.T) {
	g := (&vectorFlags{N: 4096}).noise()
	cases, err := aggregateCases(make([]float32, len(g)), g)
	if err != nil {
		t.Fatal(err)
	}
	results := make([]vectorResult, len(cases))
	for i := range results {
		results[i] = vectorResult{N: len(g), NS: 12 * 4096} // axpy: 1 byte a nanosecond
	}
	results[0].NS *= 2 // the slower axpy
	compareWithAxpy(cases, results)
	for name, want := range map[string]string{
		"axpy gonum": "0.50", "axpy": "1.00", "apply fp32": "1.00",
		"apply sign": "0.68", "apply int8": "0.75", "verify and apply topk 1% int8": "0.00",
	} {
		at := slices.IndexFunc(cases, func(c vectorCase) bool { return c.name == name })
		if got := fmt.Sprintf("%.2f", results[at].OfAxpy); got != want {
			t.Errorf("%s: %s of axpy, want %s", name, got, want)
		}
	}
}

// The clients that are chosen do not depend on the machine.
func TestBenchSelectionAsJSON(t *testing.T) {
	var out strings.Builder
	args := []string{"bench", "selection", "--json", "--clients", "2000", "--chosen", "50", "--rounds", "4"}
	if got := run(args, terminal{out: &out, err: io.Discard}); got != exitDone {
		t.Fatalf("exit status %d", got)
	}
	var results []selectionResult
	if err := json.Unmarshal([]byte(out.String()), &results); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	digests := map[string]string{}
	for _, r := range results {
		if r.Clients != 2000 || r.Chosen != 50 || r.Rounds != 4 || r.NS <= 0 || r.BestNS > r.NS {
			t.Errorf("%+v", r)
		}
		digests[r.Name] = r.Digest
	}
	want := map[string]string{
		"random": "37dbd396299921e8", "size": "01a00d37bcf877c8", "powerofchoice": "1c85b623d1822bc6", "oort": "8406e9187b5c42ca", "heteroselect": "4210470c76818e08",
	}
	if !maps.Equal(digests, want) {
		t.Errorf("digests %q, want %q", digests, want)
	}
}
