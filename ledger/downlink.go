package ledger

import (
	"weir/aggregate"
	"weir/compress"
	"weir/vec"
)

// downlink is what the server keeps to publish versions in fewer bytes than they have.
type downlink[T vec.Float] struct {
	codec   *compress.Codec[T]
	encoder *compress.Encoder[T]
	exact   []T // x, where the clients hold x^, the newest version; nil for the identity compressor: they hold x
	gap     []T // scratch: x - x^
	frames  []byte
}

// sparse says whether a version differs from the one before in few coordinates, so that its frames are worth encoding
// even without compression: the identity compressor sends what is not 0.
func sparse(c compress.Config, outer aggregate.OuterConfig) bool {
	if outer.Kind != "sgd" {
		return false
	}
	switch c.Kind {
	case "topk", "blocktopk", "randk":
		return c.Feedback == "none" || c.Feedback == "forget" || c.Feedback == "ec" // h is dense
	case "identity":
		return c.Feedback == "forget" // what a client sends is its own block
	}
	return false
}

// Frames are what leads from the version before to the newest, as Version.Bytes counts them; none where versions travel
// whole. They are valid until the next commit.
func (m *Model[T]) Frames() []byte {
	if m.down == nil {
		return nil
	}
	return m.down.frames
}

// move writes x + rate*sum into next, clears sum, and returns the bytes that rate*sum takes on the wire, and whether it is
// finite: what is not has no frames.
func (d *downlink[T]) move(next, last *Version[T], sum []T, rate T, dense int) (bytes int, finite bool) {
	if next != last {
		copy(next.X, last.X)
	}
	frames, err := d.encoder.Move(d.frames[:0], compress.ID{Seq: next.Number}, next.X, sum, rate)
	d.frames = frames
	if err != nil {
		return dense, false
	}
	return len(frames), true
}

// publish writes x^ + C(x - x^) into next and returns the bytes that C(x - x^) takes on the wire. A model that is no
// longer finite is published as it is, in dense bytes.
func (d *downlink[T]) publish(next, last *Version[T], dense int) int {
	vec.Sub(d.gap, d.exact, last.X)
	frames, _, err := d.encoder.Encode(d.frames[:0], compress.ID{Seq: next.Number}, nil, d.gap)
	d.frames = frames
	if err != nil {
		copy(next.X, d.exact)
		return dense
	}
	if next != last {
		copy(next.X, last.X)
	}
	for rest := frames; len(rest) > 0; {
		var frame compress.Frame
		frame, rest = must2(d.codec.Parse(rest)) // it was encoded here
		d.codec.Add(next.X, 1, frame)
	}
	return len(frames)
}
