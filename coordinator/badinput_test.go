package coordinator

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/compress"
	"weir/problem"
	"weir/transport"
	"weir/worker"
)

// Whatever a worker or a stranger sends, it is refused by name and counted, and the run goes on to its end, which is that
// of the log.
func TestBadInputIsRefusedByName(t *testing.T) {
	cfg := lossy(t, "stop={time: 20s}")
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 1)
		var counts *counters
		l.tune = func(c *Config) { c.counts = newCounters(); counts = c.counts }
		b := keepBooks(l)
		l.begin(hosted)
		time.Sleep(5 * time.Second)

		subjects := transport.NewSubjects(cfg.Name)
		conn := l.net.Connect("stranger")
		defer conn.Close()
		frame := func(client uint32, seq, base uint64, dim int, damage func([]byte)) []byte {
			codec, err := compress.NewCodec[float64](cfg.Compress, dim, cfg.Seed)
			if err != nil {
				t.Fatal(err)
			}
			bytes, _, err := codec.NewEncoder().Encode(nil, compress.ID{Client: client, Seq: seq, Base: base}, nil, slices.Repeat([]float64{1}, dim))
			if err != nil {
				t.Fatal(err)
			}
			if damage != nil {
				damage(bytes)
			}
			return transport.AppendFrame(nil, transport.Frame{Report: &transport.Report{Report: problem.Report{Samples: 1}}, Bytes: bytes})
		}
		for _, bad := range []struct {
			reason, subject string
			data            []byte
		}{
			{"malformed message", subjects.Update(0), []byte{1}},
			{"malformed message", subjects.Update(1), transport.AppendFrame(nil, transport.Frame{Report: &transport.Report{Waited: -1}})},
			{"corrupt checksum", subjects.Update(2), frame(2, 1, 0, b.p.Dim(), func(b []byte) { b[len(b)-1] ^= 1 })},
			{"not finite", subjects.Update(8), frame(8, 1, 0, b.p.Dim(), func(b []byte) {
				binary.LittleEndian.PutUint64(b[len(b)-8:], math.Float64bits(math.NaN()))
				compress.Readdress(b, 1, 0, 0) // with a checksum that is right
			})},
			{"wrong shape", subjects.Update(3), frame(3, 1, 0, 1+b.p.Dim(), nil)},
			{"another client's update", subjects.Update(4), frame(5, 1, 0, b.p.Dim(), nil)},
			{"not assigned", subjects.Update(6), frame(6, 0, 0, b.p.Dim(), nil)},             // replayed
			{"not assigned", subjects.Update(7), frame(7, math.MaxInt64, 0, b.p.Dim(), nil)}, // far ahead
			{"unknown client", subjects.Update(4000), frame(4000, 1, 0, b.p.Dim(), nil)},
			{"malformed hello", subjects.Hello("stranger"), []byte("?")},
			{"malformed hello", subjects.Hello("somebody-else"), transport.Encode(transport.Hello{Worker: "stranger"})},
			{"malformed want", subjects.Fetch(), []byte("?")},
			{"malformed want", subjects.FetchFrom("node-1"), []byte("?")},
		} {
			before := counts.refusals()[bad.reason]
			if err := conn.Publish(bad.subject, bad.data); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			if counts.refusals()[bad.reason] == before {
				t.Errorf("%s on %s is not counted: %v", bad.reason, bad.subject, counts.refusals())
			}
		}
		if err := conn.Publish(subjects.Update(0), make([]byte, transport.MaxMessage+1)); err == nil {
			t.Error("a message that is too large goes out")
		}

		before := counts.refusals()["unknown base"]
		for seq := range uint64(20) { // one of them is awaited
			for client := range uint32(20) {
				if err := conn.Publish(subjects.Update(client), frame(client, 1+seq, 1<<40, b.p.Dim(), nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(100 * time.Millisecond)
		if counts.refusals()["unknown base"] == before {
			t.Errorf("an unknown base is not counted: %v", counts.refusals())
		}

		other := cfg
		other.Local.LR *= 2
		for want, w := range map[string]worker.Config{
			"local.lr": {Name: "other-config", Clients: []uint32{0}, Dir: t.TempDir(), Run: other, Subjects: subjects, Conn: conn},
		} {
			var refused *worker.RefusedError
			err := worker.Run(context.Background(), w)
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want a refusal that names %s", err, want)
			}
		}
		answer, err := conn.Request(context.Background(), subjects.Hello("other-data"),
			transport.Encode(transport.Hello{Worker: "other-data", Clients: []transport.Member{{Client: 0, Samples: 1 << 40}}}))
		var sync transport.Sync
		if err != nil || transport.Decode(answer, &sync) != nil || !strings.Contains(sync.Refused, "samples") {
			t.Errorf("%+v, %v: want a refusal that names the samples", sync, err)
		}

		l.end()
		s, all := b.replayed()
		b.balance(all, hosted)
		if sum := b.alike(s); sum.Updates.Refused == 0 || sum.Updates.Committed < 20 {
			t.Errorf("%+v", sum.Updates)
		}
	})
}
