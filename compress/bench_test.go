package compress

import (
	"fmt"
	"testing"

	"weir/vec"
)

const benchSize = 25_000_000

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
			b.SetBytes(4 * benchSize)
			b.ReportAllocs()
			for b.Loop() {
				update, _, _ = enc.Encode(update[:0], ID{}, m, g)
			}
			b.ReportMetric(4*benchSize/float64(len(update)), "ratio")
		})
	}
}

// BenchmarkDecode verifies and applies one update of 25M float32.
func BenchmarkDecode(b *testing.B) {
	acc, g := make([]float32, benchSize), gaussian[float32](benchSize, 1)
	b.Run("axpy", func(b *testing.B) { // what the others are to be compared with
		b.SetBytes(4 * benchSize)
		for b.Loop() {
			vec.Axpy(acc, 0.5, g)
		}
	})
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
		each := func(do func(f Frame)) {
			for rest := update; len(rest) > 0; {
				f, after, err := c.Parse(rest)
				if err != nil {
					b.Fatal(err)
				}
				do(f)
				rest = after
			}
		}
		run := func(name string, do func(f Frame)) {
			b.Run(fmt.Sprintf("%s-%s-%s", name, bb.kind, bb.values), func(b *testing.B) {
				b.SetBytes(4 * benchSize)
				b.ReportAllocs()
				for b.Loop() {
					each(do)
				}
			})
		}
		run("verify", func(Frame) {})
		run("apply", func(f Frame) { c.Add(acc, 0.5, f) })
	}
}
