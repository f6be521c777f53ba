package compress

import (
	"fmt"
	"math"
	"testing"
	"time"

	"weir/vec"
)

const benchSize = 25_000_000

// best runs do again and again and reports, beside the mean, its best rate in GB of float32 input a second: the figure
// that other work on the machine disturbs least.
func best(b *testing.B, do func()) {
	b.SetBytes(4 * benchSize)
	b.ReportAllocs()
	fastest := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		do()
		fastest = min(fastest, time.Since(start))
	}
	b.ReportMetric(4*benchSize/float64(fastest.Nanoseconds()), "best-GB/s")
	b.ReportMetric(float64(fastest.Microseconds())/1e3, "best-ms")
}

// BenchmarkEncode is one update of 25M float32 through the rule, the compressor and the codec.
func BenchmarkEncode(b *testing.B) {
	for _, bb := range []struct {
		kind, values, feedback string
	}{
		{"identity", "fp32", "none"},
		{"topk", "int8", "none"},
		{"topk", "int8", "ec"},
		{"topk", "int8", "ef21m"},
		{"topk", "fp32", "econtrol"},
		{"topk", "int8", "econtrol"},
		{"topk", "int2", "econtrol"},
		{"blocktopk", "int8", "econtrol"},
		{"randk", "int8", "econtrol"},
		{"sign", "fp32", "none"},
		{"sign", "fp32", "econtrol"},
		{"quant", "int8", "none"},
		{"quant", "int8", "econtrol"},
		{"quant", "int4", "none"},
		{"quant", "int2", "none"},
	} {
		b.Run(fmt.Sprintf("%s-%s-%s", bb.kind, bb.values, bb.feedback), func(b *testing.B) {
			c := codec[float32](b, benchSize, func(c *Config) {
				c.Kind, c.Values, c.Feedback = bb.kind, bb.values, bb.feedback
			})
			g := gaussian[float32](benchSize, 1)
			enc, m := c.NewEncoder(), c.NewMemory(0)
			update, _, err := enc.Encode(nil, ID{}, m, g)
			if err != nil {
				b.Fatal(err)
			}
			best(b, func() { update, _, _ = enc.Encode(update[:0], ID{}, m, g) })
			b.ReportMetric(4*benchSize/float64(len(update)), "ratio")
		})
	}
}

// BenchmarkDecode verifies and applies one update of 25M float32.
func BenchmarkDecode(b *testing.B) {
	acc, g := make([]float32, benchSize), gaussian[float32](benchSize, 1)
	// What the dense kinds are to be compared with.
	b.Run("axpy", func(b *testing.B) { best(b, func() { vec.Axpy(acc, 0.5, g) }) })
	for _, bb := range []struct{ kind, values string }{
		{"identity", "fp32"},
		{"topk", "fp32"},
		{"topk", "int8"},
		{"topk", "int2"},
		{"randk", "int8"},
		{"sign", "fp32"},
		{"quant", "int8"},
		{"quant", "int4"},
		{"quant", "int2"},
	} {
		c := codec[float32](b, benchSize, func(c *Config) { c.Kind, c.Values = bb.kind, bb.values })
		update, _, err := c.NewEncoder().Encode(nil, ID{}, nil, g)
		if err != nil {
			b.Fatal(err)
		}
		var frames []Frame
		parse := func() {
			frames = frames[:0]
			for rest := update; len(rest) > 0; {
				f, after, err := c.Parse(rest)
				if err != nil {
					b.Fatal(err)
				}
				frames, rest = append(frames, f), after
			}
		}
		apply := func() {
			for _, f := range frames {
				c.Add(acc, 0.5, f)
			}
		}
		parse()
		name := fmt.Sprintf("-%s-%s", bb.kind, bb.values)
		b.Run("verify"+name, func(b *testing.B) { best(b, parse) })
		b.Run("apply"+name, func(b *testing.B) { best(b, apply) })
		b.Run("both"+name, func(b *testing.B) { best(b, func() { parse(); apply() }) })
	}
}
