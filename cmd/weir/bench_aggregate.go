package main

import (
	"context"

	"gonum.org/v1/gonum/blas/blas32"

	"weir/compress"
	"weir/vec"
)

type benchAggregateCmd struct {
	vectorFlags
}

func (benchAggregateCmd) Help() string {
	return `Each case adds an update, times a weight, to a sum of n float32, on one thread. "apply" adds frames that were verified before; "verify and apply" checks checksums, sizes, indices and values too, as a coordinator does. An update of a client under econtrol moves the client's memory at the server, and all of that memory is added to the sum. Axpy, y += a*x, shows what the machine's memory allows: gonum's, and weir's own.

  gbps_input      bytes of the vector, 4n, in the median time: 10^9 bytes a second
  ratio           4n over the bytes of the update
  bits_per_index  what it costs to say which coordinates are sent
  of_axpy         bytes read and written a second over those of the faster axpy; an axpy
                  moves 12n, a dense update 8n and its own size

It is held to, at the default n:

  verify and apply topk 1%    5 ms
  apply fp32, int8 and sign   of_axpy .8

Example:
  weir bench aggregate --json`
}

// Run measures every kind of update and prints a table or JSON.
func (c *benchAggregateCmd) Run(ctx context.Context, term terminal) error {
	g := c.noise()
	cases, err := aggregateCases(make([]float32, len(g)), g)
	if err != nil {
		return err
	}
	results, err := c.measure(ctx, term, cases)
	if err != nil {
		return err
	}
	compareWithAxpy(cases, results)
	return c.print(term, results)
}

const benchWeight = 0.5

// aggregateCases add g, sent in several ways, to sum. The first axpyCases are what the others are compared with.
func aggregateCases(sum, g []float32) ([]vectorCase, error) {
	x, y := blas32.Vector{N: len(g), Data: g, Inc: 1}, blas32.Vector{N: len(sum), Data: sum, Inc: 1}
	cases := []vectorCase{
		{name: "axpy gonum", dense: true, run: func(*vectorCase) error { blas32.Axpy(benchWeight, x, y); return nil }},
		{name: "axpy", dense: true, run: func(*vectorCase) error { vec.Axpy(sum, benchWeight, g); return nil }},
	}
	for _, e := range []encoding{
		{"fp32", "identity", "fp32", "none"},
		{"int8", "quant", "int8", "none"},
		{"sign", "sign", "fp32", "none"},
		{"topk 1% fp32", "topk", "fp32", "none"},
		{"topk 1% int8", "topk", "int8", "none"},
		{"topk 1% int8 econtrol", "topk", "int8", "econtrol"},
	} {
		codec, err := e.codec(len(g))
		if err != nil {
			return nil, err
		}
		update, _, err := codec.NewEncoder().Encode(nil, compress.ID{}, codec.NewMemory(0), g)
		if err != nil {
			return nil, err
		}
		add := func(f compress.Frame) { codec.Add(sum, benchWeight, f) }
		if codec.Mirrored() {
			mirror := codec.NewMirror()
			add = func(f compress.Frame) { codec.Advance(mirror, sum, benchWeight, f) }
		}
		whole := vectorCase{name: "verify and apply " + e.name, codec: codec, update: update, dense: e.kind != "topk"}
		whole.run = func(*vectorCase) error { return parse(codec, update, add) }
		if whole.dense {
			var frames []compress.Frame
			if err := parse(codec, update, func(f compress.Frame) { frames = append(frames, f) }); err != nil {
				return nil, err
			}
			applied := whole
			applied.name = "apply " + e.name
			applied.run = func(*vectorCase) error {
				for _, f := range frames {
					add(f)
				}
				return nil
			}
			cases = append(cases, applied)
		}
		cases = append(cases, whole)
	}
	return cases, nil
}

const axpyCases = 2

// parse verifies the frames of an update and hands each on.
func parse(codec *compress.Codec[float32], update []byte, each func(compress.Frame)) error {
	for len(update) > 0 {
		f, rest, err := codec.Parse(update)
		if err != nil {
			return err
		}
		each(f)
		update = rest
	}
	return nil
}

// compareWithAxpy fills in of_axpy: what the dense cases read and write a second.
func compareWithAxpy(cases []vectorCase, results []vectorResult) {
	bandwidth := func(i int) float64 {
		moved := 8 * results[i].N // the sum, read and written
		if cases[i].codec == nil {
			moved += 4 * results[i].N
		}
		return float64(moved+len(cases[i].update)) / float64(max(results[i].NS, 1))
	}
	var fastest float64
	for i := range axpyCases {
		fastest = max(fastest, bandwidth(i))
	}
	for i := range cases {
		if cases[i].dense {
			results[i].OfAxpy = bandwidth(i) / fastest
		}
	}
}
