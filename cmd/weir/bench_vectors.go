package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"weir/compress"
)

// vectorFlags are those of the measurements on one long vector.
type vectorFlags struct {
	JSON bool `name:"json" help:"Print the results as JSON."`
	N    int  `name:"n" default:"25000000" help:"float32 values of the vector."`
	Reps int  `default:"15" help:"Repetitions of each case; the median counts."`
}

// maxBenchValues bounds --n: the cases together hold about 28 bytes a value.
const maxBenchValues = 1_000_000_000

// Validate is called by the parser of the command line.
func (f *vectorFlags) Validate() error {
	if f.N < 1 || f.N > maxBenchValues {
		return fmt.Errorf("--n=%d: must be 1 to %d", f.N, maxBenchValues)
	}
	if f.Reps < 1 {
		return fmt.Errorf("--reps=%d: must be at least 1", f.Reps)
	}
	return nil
}

// noise is what the cases compress: n independent Gaussian values, the same for every run.
func (f *vectorFlags) noise() []float32 {
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, f.N)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// vectorCase is work to be timed. Run works on buffers that it keeps, and allocates nothing once they have grown.
type vectorCase struct {
	name   string
	codec  *compress.Codec[float32] // nil where nothing is encoded
	update []byte                   // the update that run makes or applies
	dense  bool                     // run adds every coordinate to a vector: of_axpy says how well
	run    func(*vectorCase) error
}

// vectorResult is what a case came to.
type vectorResult struct {
	Name         string  `json:"name"`
	N            int     `json:"n"`
	Threads      int     `json:"threads"`
	GBpsInput    float64 `json:"gbps_input"`        // 4n bytes in the median time, 10^9 bytes a second
	Ratio        float64 `json:"ratio"`             // 4n over the bytes of the update
	BitsPerIndex float64 `json:"bits_per_index"`    // 0 where no indices are sent
	NS           int64   `json:"ns"`                // median
	BestNS       int64   `json:"best_ns"`           // far below the median when the machine was busy otherwise
	OfAxpy       float64 `json:"of_axpy,omitempty"` // memory bandwidth over that of the faster axpy
}

// measure times every case, all of them in turn, so that what else the machine does falls on all alike.
func (f *vectorFlags) measure(ctx context.Context, term terminal, cases []vectorCase) ([]vectorResult, error) {
	fmt.Fprintf(term.err, "%d cases, repetitions: %d\n", len(cases), f.Reps)
	times := make([][]time.Duration, len(cases))
	for i := range times {
		times[i] = make([]time.Duration, 0, f.Reps)
	}
	const warmUp = 2 // what a client makes after its first update differs from it
	for rep := -warmUp; rep < f.Reps; rep++ {
		if rep == 0 {
			runtime.GC() // which has nothing to do from here on
		}
		for i := range cases {
			if ctx.Err() != nil {
				return nil, errors.New("interrupted")
			}
			began := time.Now()
			err := cases[i].run(&cases[i])
			took := time.Since(began)
			if err != nil {
				return nil, fmt.Errorf("case %s: %w", cases[i].name, err)
			}
			if rep >= 0 {
				times[i] = append(times[i], took)
			}
		}
	}
	results := make([]vectorResult, len(cases))
	for i, c := range cases {
		slices.Sort(times[i])
		results[i] = c.result(f.N, times[i][len(times[i])/2], times[i][0])
	}
	return results, nil
}

func (c *vectorCase) result(n int, median, best time.Duration) vectorResult {
	r := vectorResult{Name: c.name, N: n, Threads: 1, Ratio: 1, NS: median.Nanoseconds(), BestNS: best.Nanoseconds()}
	r.GBpsInput = 4 * float64(n) / float64(max(r.NS, 1))
	if c.codec != nil {
		r.Ratio = 4 * float64(n) / float64(len(c.update))
		r.BitsPerIndex = bitsPerIndex(c.codec, c.update)
	}
	return r
}

// bitsPerIndex is what the indices of a sparse update cost: all of its payload that is not values (FORMAT.md of package
// compress). Other updates have no indices.
func bitsPerIndex(codec *compress.Codec[float32], update []byte) float64 {
	var size, count int
	for rest := update; len(rest) > 0; {
		f, after, err := codec.Parse(rest)
		if err != nil || f.Kind != compress.Sparse {
			return 0
		}
		k := int(f.Count)
		values := 4 * k
		if f.Values == compress.Int8 {
			values = k + 4*((k+255)/256) // a scale for every 256
		}
		size, count, rest = size+int(f.Payload)-values, count+k, after
	}
	return 8 * float64(size) / float64(max(count, 1))
}

// print writes a table for people, or JSON.
func (f *vectorFlags) print(term terminal, results []vectorResult) error {
	if f.JSON {
		return printJSON(term.out, results)
	}
	known := func(format string, v float64) string {
		if v == 0 {
			return "–"
		}
		return fmt.Sprintf(format, v)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "median\tbest\tGB/s of input\tratio\tbits/index\tof axpy\t  case")
	for _, r := range results {
		fmt.Fprintf(table, "%.2f ms\t%.2f ms\t%.2f\t%.1f\t%s\t%s\t  %s\n",
			float64(r.NS)/1e6, float64(r.BestNS)/1e6, r.GBpsInput, r.Ratio, known("%.2f", r.BitsPerIndex), known("%.2f", r.OfAxpy), r.Name)
	}
	return table.Flush()
}
