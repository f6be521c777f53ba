package coordinator

import (
	"weir/compress"
	"weir/ledger"
	"weir/transport"
)

// Every node serves versions to clients, followers too: what they hold is what the log made, on all nodes the same bits. A
// client asks any node and gets an offer: the frames of the versions since the one it holds, or the whole model where
// that is less. Then it takes the parts from that node.

const (
	partSize  = compress.MaxFrame // bytes of a part, but for a last frame that goes over it
	keptParts = 2                 // whole models that are kept in frames at the same time
)

// wholes are the models that clients are about to fetch, in dense frames. The node's lock guards them.
type wholes struct {
	models []whole // the newest last
}

type whole struct {
	version uint64
	frames  []byte
}

// serveVersions answers Wants and Parts until its subscriptions are closed.
func (n *node[T]) serveVersions() (subscriptions []transport.Subscription, err error) {
	for _, s := range []struct {
		subject, group string
		answer         func([]byte) []byte
	}{
		{n.subjects.Fetch(), "nodes", n.offer},
		{n.subjects.FetchFrom(n.cfg.Node), "", n.part},
	} {
		subscription, err := n.cfg.Conn.Subscribe(s.subject, s.group, func(m transport.Message) {
			if answer := s.answer(m.Data); answer != nil && m.Reply != "" {
				n.publish(m.Reply, answer)
			}
		})
		if err != nil {
			return subscriptions, err
		}
		subscriptions = append(subscriptions, subscription)
	}
	return subscriptions, nil
}

// offer answers a Want.
func (n *node[T]) offer(b []byte) []byte {
	var want transport.Want
	if transport.Decode(b, &want) != nil {
		n.counts.refuse("malformed want")
		return nil
	}
	n.mu.Lock()
	version, dense := n.state.machine.Model.Newest().Number, n.state.machine.Model.Dense()
	var steps [][]byte
	ok := false
	if want.Have > 0 {
		steps, ok = n.state.frames.since(want.Have-1, version)
	}
	n.mu.Unlock()
	o := transport.Offer{Node: n.cfg.Node, Version: version}
	if version < want.AtLeast {
		o.Behind = true
		return transport.AppendOffer(nil, o, nil)
	}
	for _, s := range steps {
		o.Bytes += len(s)
	}
	frames := steps
	if !ok || o.Bytes > dense {
		model, at := n.whole(0)
		o.Whole, o.Version, o.Bytes, frames = true, at, len(model), [][]byte{model}
	}
	first, parts := cut(frames, 0)
	o.Parts = parts
	return transport.AppendOffer(nil, o, first)
}

// part answers a Part; nil when what was offered is here no more.
func (n *node[T]) part(b []byte) []byte {
	var want transport.Part
	if transport.Decode(b, &want) != nil {
		n.counts.refuse("malformed want")
		return nil
	}
	var frames [][]byte
	if want.Whole {
		model, at := n.whole(want.Version)
		if at != want.Version {
			return []byte{}
		}
		frames = [][]byte{model}
	} else if want.Have > 0 {
		n.mu.Lock()
		frames, _ = n.state.frames.since(want.Have-1, want.Version)
		n.mu.Unlock()
	}
	bytes, parts := cut(frames, want.Part)
	if want.Part < 0 || want.Part >= parts {
		return []byte{}
	}
	return bytes
}

// whole is a version's model in dense frames: the newest when version is 0, else that version if it is kept.
func (n *node[T]) whole(version uint64) ([]byte, uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	newest := n.state.machine.Model.Newest()
	for _, w := range n.wholes.models {
		if w.version == version && version > 0 || version == 0 && w.version == newest.Number {
			return w.frames, w.version
		}
	}
	if version != 0 && version != newest.Number {
		return nil, newest.Number
	}
	frames := n.encodeWhole(newest)
	if len(n.wholes.models) == keptParts {
		n.wholes.models = append(n.wholes.models[:0], n.wholes.models[1:]...)
	}
	n.wholes.models = append(n.wholes.models, whole{newest.Number, frames})
	return frames, newest.Number
}

// encodeWhole puts a model into dense frames. A model that is not finite has none: its run has diverged.
func (n *node[T]) encodeWhole(v *ledger.Version[T]) []byte {
	codec, err := compress.NewCodec[T](compress.DefaultConfig(), len(v.X), n.cfg.Run.Seed)
	if err != nil {
		return nil
	}
	frames, _, err := codec.NewEncoder().Encode(make([]byte, 0, n.state.machine.Model.Dense()), compress.ID{Seq: v.Number}, nil, v.X)
	if err != nil {
		return nil
	}
	return frames
}

// cut returns part k of frames, and how many parts there are. A part is whole frames.
func cut(all [][]byte, k int) (part []byte, parts int) {
	var open []byte
	size := 0
	flush := func() {
		if parts == k {
			part = open
		}
		parts++
		open, size = nil, 0
	}
	for _, frames := range all {
		for len(frames) > 0 {
			n := compress.SizeOf(frames)
			if n == 0 {
				break // not reached: they were encoded here
			}
			if size > 0 && size+n > partSize {
				flush()
			}
			if parts == k {
				open = append(open, frames[:n]...)
			}
			size += n
			frames = frames[n:]
		}
	}
	flush()
	return part, parts
}
