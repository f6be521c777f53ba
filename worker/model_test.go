package worker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/compress"
	"weir/config"
	"weir/transport"
)

// versions makes a reader and a few versions, whole and as changes, of a model of two fragments.
func versions(t *testing.T) (r *reader[float64], models [][]float64, changes [][]byte, whole func(version int) []byte) {
	t.Helper()
	cfg := testConfig(t, func(c *config.Config) { c.Compress.Down.Kind, c.Compress.Down.K = "topk", 3 })
	const dim = 40_000 // of which a dense frame holds 32,760
	r, err := newReader[float64](cfg, dim)
	if err != nil {
		t.Fatal(err)
	}
	models = [][]float64{make([]float64, dim)}
	changes = [][]byte{nil}
	for v := 1; v <= 3; v++ {
		delta := make([]float64, dim)
		delta[v], delta[2*v], delta[dim-1] = 1, -.5, float64(v)
		frames, _, err := r.changes.NewEncoder().Encode(nil, compress.ID{Seq: uint64(v)}, nil, delta)
		if err != nil {
			t.Fatal(err)
		}
		x := slices.Clone(models[v-1])
		for i := range x {
			x[i] += delta[i]
		}
		models, changes = append(models, x), append(changes, frames)
	}
	return r, models, changes, func(v int) []byte {
		frames, _, err := r.whole.NewEncoder().Encode(nil, compress.ID{}, nil, models[v])
		if err != nil {
			t.Fatal(err)
		}
		return frames
	}
}

func TestReadVersions(t *testing.T) {
	r, models, changes, whole := versions(t)
	base := &version[float64]{number: 0, x: models[0]}
	x := make([]float64, len(models[0]))
	sizes, err := r.read(x, base, transport.Offer{Version: 3}, slices.Concat(changes...))
	if err != nil || !slices.Equal(x, models[3]) {
		t.Errorf("three versions of changes lead elsewhere: %v", err)
	}
	if want := []int{len(changes[1]), len(changes[2]), len(changes[3])}; !slices.Equal(sizes, want) {
		t.Errorf("got sizes %v, want %v", sizes, want)
	}
	if sizes, err = r.read(x, nil, transport.Offer{Version: 2, Whole: true}, whole(2)); err != nil || sizes != nil || !slices.Equal(x, models[2]) {
		t.Errorf("the whole model is another: %v", err)
	}
	damaged := slices.Concat(changes...)
	damaged[len(damaged)-1] ^= 1
	for name, c := range map[string]struct {
		o transport.Offer
		b []byte
	}{
		"damaged":        {transport.Offer{Version: 3}, damaged},
		"out of order":   {transport.Offer{Version: 3}, slices.Concat(changes[2], changes[1], changes[3])},
		"one is missing": {transport.Offer{Version: 3}, slices.Concat(changes[1], changes[2])},
		"one too many":   {transport.Offer{Version: 2}, slices.Concat(changes...)},
		"half a model":   {transport.Offer{Version: 2, Whole: true}, whole(2)[:len(whole(2))/2]},
		"not a model":    {transport.Offer{Version: 1, Whole: true}, changes[1]},
	} {
		if _, err := r.read(x, base, c.o, c.b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// An offer is judged before memory is spent on it.
func TestOffersThatCannotBe(t *testing.T) {
	r, _, _, _ := versions(t)
	for _, c := range []struct {
		o    transport.Offer
		have uint64
		ok   bool
	}{
		{transport.Offer{Version: 1, Whole: true, Parts: 2, Bytes: 320_128}, 0, true},
		{transport.Offer{Version: 1, Whole: true, Parts: 2, Bytes: 1 << 40}, 0, false},
		{transport.Offer{Version: 1, Whole: true, Parts: 1 << 30, Bytes: 320_128}, 0, false},
		{transport.Offer{Version: 1, Whole: true, Parts: 0, Bytes: 320_128}, 0, false},
		{transport.Offer{Version: 1, Whole: true, Parts: 1, Bytes: -1}, 0, false},
		{transport.Offer{Version: 1, Parts: 1, Bytes: 200}, 0, false},
		{transport.Offer{Version: 1, Parts: 1, Bytes: 200}, 1, true},
	} {
		if err := r.check(c.o, c.have); (err == nil) != c.ok || err != nil && !errors.Is(err, errOffer) {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}

// Parts are asked for several at a time and put together in order; whatever is wrong ends the attempt.
func TestGather(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts [8]string
		fault string
	}{
		{"in order", [8]string{"a", "bb", "c", "dd", "e", "ff", "g", "hh"}, ""},
		{"a part is gone", [8]string{"a", "bb", "c", "", "e", "ff", "g", "hh"}, "10 bytes instead of the 12"},
		{"a part is too long", [8]string{"a", "bb", "c", "ddddddddd", "e", "ff", "g", "hh"}, "more than the 12 bytes"},
		{"the node goes away", [8]string{"a", "bb", "c", "dd", "none", "ff", "g", "hh"}, "deadline exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := transport.NewMemory(1, transport.Faults{Latency: time.Millisecond})
				node, conn := network.Connect("node"), network.Connect("w")
				defer node.Close()
				defer conn.Close()
				subjects := transport.NewSubjects("test")
				var open atomic.Int32
				var answers sync.WaitGroup
				defer answers.Wait()
				_, err := node.Subscribe(subjects.FetchFrom("node"), "", func(m transport.Message) {
					var p transport.Part
					if err := transport.Decode(m.Data, &p); err != nil {
						t.Error(err)
					}
					if n := open.Add(1); n > partsAtOnce {
						t.Errorf("%d parts are asked for at once", n)
					}
					if c.parts[p.Part] == "none" {
						return
					}
					answers.Go(func() {
						time.Sleep(time.Duration(8-p.Part) * time.Second / 10)
						open.Add(-1)
						node.Publish(m.Reply, []byte(c.parts[p.Part])) //nolint:errcheck // the asker sees it
					})
				})
				if err != nil {
					t.Fatal(err)
				}
				b, err := gather(context.Background(), conn, subjects, transport.Want{}, transport.Offer{Node: "node", Parts: 8, Bytes: 12}, []byte("a"))
				switch {
				case c.fault == "" && (err != nil || string(b) != "abbcddeffghh"):
					t.Errorf("got %q, %v", b, err)
				case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
					t.Errorf("got %q, %v; want %s", b, err, c.fault)
				}
			})
		})
	}
}
