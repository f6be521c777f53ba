package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"
)

// inMemory runs a test in virtual time with a network of two ends.
func inMemory(t *testing.T, f Faults, test func(t *testing.T, m *Memory, a, b Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(7, f)
		a, b := m.Connect("a"), m.Connect("b")
		defer func() {
			a.Close()
			b.Close()
		}()
		test(t, m, a, b)
	})
}

// collect subscribes and returns where the messages end up.
func collect(t *testing.T, c Conn, subject string) *[]string {
	t.Helper()
	var got []string
	if _, err := c.Subscribe(subject, "", func(m Message) { got = append(got, string(m.Data)) }); err != nil {
		t.Fatal(err)
	}
	return &got
}

func publish(t *testing.T, c Conn, subject, data string) {
	t.Helper()
	if err := c.Publish(subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryCut(t *testing.T) {
	inMemory(t, Faults{Latency: 10 * time.Millisecond}, func(t *testing.T, m *Memory, a, b Conn) {
		atA, atB := collect(t, a, "to.a"), collect(t, b, "to.b")
		both := func(text string) {
			publish(t, b, "to.a", text)
			publish(t, a, "to.b", text)
		}
		both("on its way when the cut comes")
		m.Cut("a", "b")
		both("cut")
		time.Sleep(time.Second)
		m.Heal("b", "a")
		both("healed")
		time.Sleep(time.Second)
		m.CutOneWay("a", "b")
		both("one way")
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []string{"healed", "one way"}; !slices.Equal(*atA, want) {
			t.Errorf("a got %q, want %q", *atA, want)
		}
		if want := []string{"healed"}; !slices.Equal(*atB, want) {
			t.Errorf("b got %q, want %q", *atB, want)
		}
	})
}

func TestMemoryRequestIntoACut(t *testing.T) {
	inMemory(t, Faults{}, func(t *testing.T, m *Memory, a, b Conn) {
		_, err := b.Subscribe("ask", "", func(q Message) { b.Publish(q.Reply, q.Data) }) //nolint:errcheck // a.Request sees it
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []func(){func() { m.CutOneWay("a", "b") }, func() { m.CutOneWay("b", "a") }} {
			cut()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			if _, err := a.Request(ctx, "ask", nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the context's error", err)
			}
			if waited := time.Since(start); waited != time.Second {
				t.Errorf("waited %v, want 1s", waited)
			}
			cancel()
			m.Heal("a", "b")
			if _, err := a.Request(t.Context(), "ask", nil); err != nil {
				t.Errorf("after healing: %v", err)
			}
		}
	})
}

// A slow subscriber loses what does not fit its queue, and gets the rest in order.
func TestMemorySlowSubscriber(t *testing.T) {
	inMemory(t, Faults{Pending: 30}, func(t *testing.T, _ *Memory, a, b Conn) {
		var got []string
		_, err := b.Subscribe("s", "", func(m Message) {
			time.Sleep(time.Second)
			got = append(got, string(m.Data))
		})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, a, "s", "message 0.")
		synctest.Wait() // it is being handled
		for i := 1; i <= 5; i++ {
			publish(t, a, "s", fmt.Sprintf("message %d.", i))
		}
		time.Sleep(time.Minute)
		publish(t, a, "s", "message 6.")
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"message 0.", "message 1.", "message 2.", "message 3.", "message 6."}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// arrived is what becomes of n numbered messages on each of two subjects.
func arrived(t *testing.T, seed uint64, f Faults, n uint32) (got map[string][]uint32, took time.Duration) {
	got = make(map[string][]uint32)
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(seed, f)
		a, b := m.Connect("a"), m.Connect("b")
		start := time.Now()
		_, err := b.Subscribe("s.*", "", func(m Message) {
			got[m.Subject] = append(got[m.Subject], binary.LittleEndian.Uint32(m.Data))
			took = time.Since(start)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for _, subject := range []string{"s.0", "s.1"} {
				if err := a.Publish(subject, binary.LittleEndian.AppendUint32(nil, i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(time.Hour)
		a.Close()
		b.Close()
	})
	return got, took
}

// Whatever the faults: without duplicates a subject's messages come in order and within the latency and the jitter, and
// the same seed gives the same network.
func TestMemoryKeepsOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := Faults{
			Latency: time.Duration(rapid.IntRange(0, 100).Draw(r, "latency")) * time.Millisecond,
			Jitter:  time.Duration(rapid.IntRange(0, 100).Draw(r, "jitter")) * time.Millisecond,
			Loss:    rapid.Float64Range(0, 1).Draw(r, "loss"),
		}
		seed := rapid.Uint64().Draw(r, "seed")
		got, took := arrived(t, seed, f, 50)
		for subject, numbers := range got {
			if !slices.IsSorted(numbers) || len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
				t.Fatalf("%s: %v", subject, numbers)
			}
		}
		if took > f.Latency+f.Jitter {
			t.Fatalf("the last one took %v", took)
		}
		again, tookAgain := arrived(t, seed, f, 50)
		if fmt.Sprint(again) != fmt.Sprint(got) || tookAgain != took {
			t.Fatalf("the same seed gave %v in %v, then %v in %v", got, took, again, tookAgain)
		}
	})
}

func TestMemoryLosesAndDoubles(t *testing.T) {
	const n = 4000
	got, _ := arrived(t, 1, Faults{Loss: 0.25, Duplicate: 0.5, Jitter: time.Second}, n)
	for subject, numbers := range got {
		all := len(numbers)
		slices.Sort(numbers)
		once := len(slices.Compact(numbers))
		// Four standard deviations of a binomial: 110 messages that arrive, 110 that come twice.
		if once < 0.75*n-110 || once > 0.75*n+110 {
			t.Errorf("%s: %d of %d arrived, a quarter should be lost", subject, once, n)
		}
		if twice := all - once; twice < once/2-110 || twice > once/2+110 {
			t.Errorf("%s: %d of %d came twice, half should", subject, twice, once)
		}
	}
	if got["s.0"][0] == got["s.1"][0] && got["s.0"][1] == got["s.1"][1] && slices.Equal(got["s.0"], got["s.1"]) {
		t.Error("two subjects fared alike")
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a.*", "a.c", true},
		{"a.*", "a.b.c", false},
		{"a.>", "a.b.c", true},
		{"a.>", "a", false},
	} {
		if got := matches(c.pattern, c.subject); got != c.want {
			t.Errorf("matches(%q, %q) = %v, want %v", c.pattern, c.subject, got, c.want)
		}
	}
	parts := rapid.SampledFrom([]string{"a", "b", "*"})
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SliceOfN(parts, 1, 4).Draw(t, "pattern")
		if rapid.Bool().Draw(t, "open") {
			pattern = append(pattern, ">")
		}
		subject := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 5).Draw(t, "subject")
		p, s := strings.Join(pattern, "."), strings.Join(subject, ".")
		if got, want := matches(p, s), server.SubjectMatchesFilter(s, p); got != want {
			t.Fatalf("matches(%q, %q) = %v, NATS says %v", p, s, got, want)
		}
	})
}
