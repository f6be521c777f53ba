package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// ends makes connections with the given names to one network.
type ends func(t *testing.T, names ...string) []Conn

// networks are what Conn is implemented by: each passes the same tests.
var networks = map[string]ends{
	"memory": func(t *testing.T, names ...string) []Conn {
		m := NewMemory(1, Faults{})
		var conns []Conn
		for _, name := range names {
			c := m.Connect(name)
			t.Cleanup(func() { c.Close() })
			conns = append(conns, c)
		}
		return conns
	},
}

// onEach runs a test on every network.
func onEach(t *testing.T, names []string, test func(t *testing.T, conns []Conn)) {
	for network, connect := range networks {
		t.Run(network, func(t *testing.T) { test(t, connect(t, names...)) })
	}
}

// inbox subscribes and returns the messages as they come.
func inbox(t *testing.T, c Conn, subject, group string) <-chan Message {
	t.Helper()
	got := make(chan Message, 10000)
	if _, err := c.Subscribe(subject, group, func(m Message) { got <- m }); err != nil {
		t.Fatal(err)
	}
	return got
}

func receive(t *testing.T, from <-chan Message) Message {
	t.Helper()
	select {
	case m := <-from:
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
		panic("unreachable")
	}
}

func TestPublish(t *testing.T) {
	onEach(t, []string{"a", "b"}, func(t *testing.T, c []Conn) {
		exact, wild := inbox(t, c[1], "x.1", ""), inbox(t, c[1], "x.*", "")
		own := inbox(t, c[0], "x.1", "")
		data := []byte("hello")
		if err := c[0].Publish("x.1", data); err != nil {
			t.Fatal(err)
		}
		copy(data, "XXXXX") // Publish has copied
		for name, from := range map[string]<-chan Message{"exact": exact, "wild": wild, "own": own} {
			if m := receive(t, from); string(m.Data) != "hello" || m.Subject != "x.1" || m.Reply != "" {
				t.Errorf("%s: got %+v", name, m)
			}
		}
		publish(t, c[0], "x.2", "for one")
		if m := receive(t, wild); m.Subject != "x.2" {
			t.Errorf("got %+v", m)
		}
		select {
		case m := <-exact:
			t.Errorf("x.1 got %+v", m)
		default:
		}
	})
}

func TestOrder(t *testing.T) {
	onEach(t, []string{"a", "b"}, func(t *testing.T, c []Conn) {
		got := inbox(t, c[1], "s", "")
		const n = 5000
		for i := range n {
			publish(t, c[0], "s", fmt.Sprint(i))
		}
		for i := range n {
			if m := receive(t, got); string(m.Data) != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, m.Data)
			}
		}
	})
}

func TestGroupMembersShare(t *testing.T) {
	onEach(t, []string{"a", "b", "c"}, func(t *testing.T, c []Conn) {
		b, d := inbox(t, c[1], "s", "group"), inbox(t, c[2], "s", "group")
		all := inbox(t, c[2], "s", "")
		const n = 200
		for i := range n {
			publish(t, c[0], "s", fmt.Sprint(i))
		}
		var seen []string
		for range n {
			receive(t, all)
			select {
			case m := <-b:
				seen = append(seen, string(m.Data))
			case m := <-d:
				seen = append(seen, string(m.Data))
			case <-time.After(patience):
				t.Fatalf("only %d came", len(seen))
			}
		}
		slices.Sort(seen)
		if len(slices.Compact(seen)) != n {
			t.Error("a message came twice")
		}
		if len(b)+len(d) > 0 {
			t.Error("more came than were sent")
		}
	})
}

func TestRequest(t *testing.T) {
	onEach(t, []string{"a", "b", "c"}, func(t *testing.T, c []Conn) {
		if _, err := c[0].Request(t.Context(), "ask", nil); !errors.Is(err, ErrNoAnswer) {
			t.Fatalf("nobody is there: got %v, want ErrNoAnswer", err)
		}
		for _, answerer := range c[1:] {
			_, err := answerer.Subscribe("ask", "nodes", func(q Message) {
				if string(q.Data) != "silence" {
					answerer.Publish(q.Reply, append([]byte("answer to "), q.Data...)) //nolint:errcheck // the asker sees it
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var asking sync.WaitGroup
		for i := range 50 {
			asking.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				answer, err := retry(ctx, c[0], "ask", fmt.Sprint(i))
				if want := fmt.Sprintf("answer to %d", i); err != nil || string(answer) != want {
					t.Errorf("got %q, %v, want %q", answer, err, want)
				}
			})
		}
		asking.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := c[0].Request(ctx, "ask", []byte("silence")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer: got %v, want the context's error", err)
		}
	})
}

// retry asks until somebody is there: a subscription takes a moment to be known everywhere.
func retry(ctx context.Context, c Conn, subject, question string) ([]byte, error) {
	for {
		answer, err := c.Request(ctx, subject, []byte(question))
		if !errors.Is(err, ErrNoAnswer) {
			return answer, err
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatIsNoMessage(t *testing.T) {
	onEach(t, []string{"a", "b"}, func(t *testing.T, c []Conn) {
		got := inbox(t, c[1], "big", "")
		if err := c[0].Publish("big", bytes.Repeat([]byte{1}, MaxMessage)); err != nil {
			t.Fatal(err)
		}
		if m := receive(t, got); len(m.Data) != MaxMessage {
			t.Errorf("got %d bytes", len(m.Data))
		}
		for _, subject := range []string{"", "a b", "a.*"} {
			if err := c[0].Publish(subject, nil); err == nil || !strings.Contains(err.Error(), "subject") {
				t.Errorf("publish on %q: got %v, want a complaint about the subject", subject, err)
			}
		}
		err := c[0].Publish("big", make([]byte, MaxMessage+1))
		if err == nil || !strings.Contains(err.Error(), "1048576") {
			t.Errorf("got %v, want an error that names the limit", err)
		}
	})
}

func TestSubscriptionCloses(t *testing.T) {
	onEach(t, []string{"a", "b"}, func(t *testing.T, c []Conn) {
		got := make(chan Message, 10)
		ready := make(chan Subscription, 1)
		sub, err := c[1].Subscribe("s", "", func(m Message) {
			s := <-ready
			s.Close()
			s.Close()
			got <- m
		})
		if err != nil {
			t.Fatal(err)
		}
		mark := inbox(t, c[1], "mark", "")
		publish(t, c[0], "s", "1")
		publish(t, c[0], "s", "dropped")
		publish(t, c[0], "mark", "")
		receive(t, mark)
		ready <- sub
		receive(t, got)
		publish(t, c[0], "s", "nobody")
		publish(t, c[0], "mark", "")
		receive(t, mark)
		if len(got) > 0 {
			t.Errorf("got %+v after closing", <-got)
		}
	})
}

func TestClose(t *testing.T) {
	onEach(t, []string{"a", "b"}, func(t *testing.T, c []Conn) {
		handling, release := make(chan bool, 10), make(chan bool)
		ended := false
		_, err := c[1].Subscribe("s", "", func(Message) {
			handling <- true
			<-release
			ended = true
		})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, c[0], "s", "handled")
		publish(t, c[0], "s", "dropped")
		<-handling
		waiting := make(chan error, 1)
		go func() {
			_, err := c[1].Request(t.Context(), "s", nil) // its own handler is busy
			waiting <- err
		}()
		time.AfterFunc(20*time.Millisecond, func() { close(release) })
		if err := c[1].Close(); err != nil {
			t.Fatal(err)
		}
		if !ended {
			t.Error("Close returned while a handler was at work")
		}
		if len(handling) > 0 {
			t.Error("a waiting message was handled after Close")
		}
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("a request under way got %v, want ErrClosed", err)
		}
		if err := c[1].Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
		if err := c[1].Publish("s", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish: got %v, want ErrClosed", err)
		}
		if _, err := c[1].Request(t.Context(), "s", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Request: got %v, want ErrClosed", err)
		}
		if _, err := c[1].Subscribe("s", "", func(Message) {}); !errors.Is(err, ErrClosed) {
			t.Errorf("Subscribe: got %v, want ErrClosed", err)
		}
	})
}
