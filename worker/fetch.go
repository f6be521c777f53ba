package worker

import (
	"context"
	"fmt"
	"time"

	"weir/transport"
	"weir/vec"
)

// How long the worker waits for a node, and how many parts of a model it asks for at the same time.
const (
	wantTimeout = 2 * time.Second
	partTimeout = 10 * time.Second
	partsAtOnce = 4
)

// download is one attempt to get a newer version.
type download[T vec.Float] struct {
	base *version[T] // what is held, or nil
	into *version[T]
	want transport.Want

	bytes  int
	sizes  []int
	behind bool // the node has not got it yet
	err    error
}

// fetch asks any node for a version and reads it. It pretends that the transfer takes pace(bytes) from its beginning.
func (r *reader[T]) fetch(ctx context.Context, conn transport.Conn, s transport.Subjects, d *download[T], pace func(int) time.Duration) {
	began := time.Now()
	d.err = func() error {
		offer, part, err := ask(ctx, conn, s, d.want)
		if err != nil {
			return err
		}
		if d.behind = offer.Behind || offer.Version < d.want.AtLeast || offer.Version < d.want.Have; d.behind {
			return nil
		}
		if err := r.check(offer, d.want.Have); err != nil {
			return err
		}
		b, err := gather(ctx, conn, s, d.want, offer, part)
		if err != nil {
			return err
		}
		d.bytes = len(b)
		d.sizes, err = r.read(d.into.x, d.base, offer, b)
		d.into.number = offer.Version
		return err
	}()
	if rest := pace(d.bytes) - time.Since(began); d.err == nil && !d.behind && rest > 0 {
		d.err = sleep(ctx, rest)
	}
}

// ask asks any node what it has.
func ask(ctx context.Context, conn transport.Conn, s transport.Subjects, w transport.Want) (transport.Offer, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wantTimeout)
	defer cancel()
	answer, err := conn.Request(ctx, s.Fetch(), transport.Encode(w))
	if err != nil {
		return transport.Offer{}, nil, err
	}
	return transport.DecodeOffer(answer)
}

// gather returns all parts of an offer, one after another.
func gather(ctx context.Context, conn transport.Conn, s transport.Subjects, w transport.Want, o transport.Offer, first []byte) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		part int
		b    []byte
		err  error
	}
	answers := make(chan answer, o.Parts)
	get := func(part int) {
		ctx, cancel := context.WithTimeout(ctx, partTimeout)
		defer cancel()
		b, err := conn.Request(ctx, s.FetchFrom(o.Node), transport.Encode(transport.Part{
			Have: w.Have, Version: o.Version, Whole: o.Whole, Part: part,
		}))
		answers <- answer{part, b, err}
	}
	parts := make([][]byte, o.Parts)
	parts[0] = first
	next, open := 1, 0
	size := len(first)
	var failed error
	for open > 0 || next < o.Parts && failed == nil {
		if failed == nil && next < o.Parts && open < partsAtOnce {
			go get(next) // ends by its timeout at the latest, and is waited for
			next, open = next+1, open+1
			continue
		}
		a := <-answers
		open--
		parts[a.part] = a.b
		if size += len(a.b); a.err == nil && size > o.Bytes {
			a.err = fmt.Errorf("%w: more than the %d bytes it announced", errOffer, o.Bytes)
		}
		if a.err != nil && failed == nil {
			failed = a.err
			cancel()
		}
	}
	if failed == nil && size != o.Bytes {
		failed = fmt.Errorf("%w: %d bytes instead of the %d it announced", errOffer, size, o.Bytes)
	}
	if failed != nil {
		return nil, failed
	}
	whole := make([]byte, 0, size)
	for _, p := range parts {
		whole = append(whole, p...)
	}
	return whole, nil
}

// sleep waits, and returns ctx's error when that is over first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
