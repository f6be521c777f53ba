package main

import (
	"context"

	"weir/compress"
)

type benchCompressCmd struct {
	vectorFlags
}

func (benchCompressCmd) Help() string {
	return `Each case makes whole updates of one client from a Gaussian vector, on one thread: the step of the feedback rule, the compressor, the frames with their checksums. Topk and randk send 1% of the coordinates, with values as fp32 or int8; int8, int4 and sign alone send every coordinate. The rule is none unless the case names one.

  gbps_input      bytes of the vector, 4n, in the median time: 10^9 bytes a second
  ratio           4n over the bytes of the update
  bits_per_index  what it costs to say which coordinates are sent

It is held to, at the default n:

  topk with econtrol  3 GB/s; plain Go (-tags purego): 1 GB/s
  int8                6 GB/s
  sign                15 GB/s
  bits_per_index      8.2

Example:
  weir bench compress --json`
}

// encoding is how updates are made.
type encoding struct{ name, kind, values, feedback string }

var encodings = []encoding{
	{"topk 1% fp32 econtrol", "topk", "fp32", "econtrol"},
	{"topk 1% int8 econtrol", "topk", "int8", "econtrol"},
	{"topk 1% int8 ec", "topk", "int8", "ec"},
	{"int8", "quant", "int8", "none"},
	{"int4", "quant", "int4", "none"},
	{"sign", "sign", "fp32", "none"},
	{"randk 1% int8", "randk", "int8", "none"},
}

// codec is that of updates of n values.
func (e encoding) codec(n int) (*compress.Codec[float32], error) {
	cfg := compress.DefaultConfig()
	cfg.Kind, cfg.Values, cfg.Feedback = e.kind, e.values, e.feedback
	return compress.NewCodec[float32](cfg, n, 1)
}

// Run measures every encoding and prints a table or JSON.
func (c *benchCompressCmd) Run(ctx context.Context, term terminal) error {
	cases, err := compressCases(c.noise())
	if err != nil {
		return err
	}
	results, err := c.measure(ctx, term, cases)
	if err != nil {
		return err
	}
	return c.print(term, results)
}

// compressCases make updates from g, each case those of a client of its own.
func compressCases(g []float32) ([]vectorCase, error) {
	cases := make([]vectorCase, 0, len(encodings))
	for _, e := range encodings {
		codec, err := e.codec(len(g))
		if err != nil {
			return nil, err
		}
		encoder, memory, id := codec.NewEncoder(), codec.NewMemory(0), compress.ID{}
		cases = append(cases, vectorCase{name: e.name, codec: codec, run: func(c *vectorCase) (err error) {
			id.Seq++
			c.update, _, err = encoder.Encode(c.update[:0], id, memory, g)
			return err
		}})
	}
	return cases, nil
}
