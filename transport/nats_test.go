package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"weir/config"
)

func init() {
	networks["NATS"] = func(t *testing.T, names ...string) []Conn {
		c := onLoopback(t, 1)
		start(t, ServerConfig{Cluster: c, Node: "node-1", Log: quiet(t)})
		var conns []Conn
		for _, name := range names {
			conns = append(conns, dial(t, DialConfig{Cluster: c, Name: name, Log: quiet(t)}))
		}
		return conns
	}
	networks["NATS in the process"] = func(t *testing.T, names ...string) []Conn {
		c := onLoopback(t, 1)
		s := start(t, ServerConfig{Cluster: c, Node: "node-1", Log: quiet(t)})
		var conns []Conn
		for _, name := range names {
			conns = append(conns, dial(t, DialConfig{Cluster: c, Name: name, Server: s, Log: quiet(t)}))
		}
		return conns
	}
}

// onLoopback is a cluster of n nodes on ports that are free.
func onLoopback(t testing.TB, n int) config.Cluster {
	t.Helper()
	c := config.Cluster{Run: "test"}
	for i := range n {
		node := config.Node{ID: fmt.Sprintf("node-%d", i+1), Host: "127.0.0.1"}
		for _, port := range []*int{&node.NATS, &node.Routes, &node.Raft, &node.HTTP} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			*port = l.Addr().(*net.TCPAddr).Port
		}
		c.Nodes = append(c.Nodes, node)
	}
	return c
}

func quiet(t testing.TB) *zap.Logger {
	return zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
}

func start(t testing.TB, cfg ServerConfig) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := StartServer(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t testing.TB, cfg DialConfig) Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// The leader's server dies: workers go to another, and the messages between those that are left go on.
func TestClusterLosesAServer(t *testing.T) {
	c := onLoopback(t, 3)
	var servers []*Server
	for _, n := range c.Nodes {
		servers = append(servers, start(t, ServerConfig{Cluster: c, Node: n.ID, Log: zap.NewNop()}))
	}
	answerer := dial(t, DialConfig{Cluster: c, Name: "node-2", Server: servers[1], Log: zap.NewNop()})
	_, err := answerer.Subscribe("hello.*", "", func(q Message) { answerer.Publish(q.Reply, []byte("hi")) }) //nolint:errcheck // the asker sees it
	if err != nil {
		t.Fatal(err)
	}
	var workers []Conn
	var notes []<-chan Message
	for i := range 6 {
		w := dial(t, DialConfig{Cluster: c, Name: fmt.Sprintf("worker-%d", i), Log: zap.NewNop()})
		workers, notes = append(workers, w), append(notes, inbox(t, w, "beat", ""))
	}
	everybodyIsHeard := func() {
		t.Helper()
		var asking sync.WaitGroup
		for i, w := range workers {
			asking.Go(func() {
				deadline := time.Now().Add(patience)
				for {
					ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
					answer, err := w.Request(ctx, fmt.Sprintf("hello.%d", i), nil)
					cancel()
					if err == nil && string(answer) == "hi" {
						return
					}
					if time.Now().After(deadline) {
						t.Errorf("worker %d gets no answer: %v", i, err)
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		asking.Wait()
	}
	everybodyIsHeard()
	begin := time.Now()
	servers[0].Close()
	everybodyIsHeard()
	t.Logf("everybody is heard %v after a server began to close", time.Since(begin).Round(time.Millisecond))
	publish(t, answerer, "beat", "after")
	for i := range workers {
		for string(receive(t, notes[i]).Data) != "after" {
		}
	}
	again := start(t, ServerConfig{Cluster: c, Node: "node-1", Log: zap.NewNop()}) // it is welcome
	back := dial(t, DialConfig{Cluster: c, Name: "node-1", Server: again, Log: zap.NewNop()})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if answer, err := retry(ctx, back, "hello.x", ""); err != nil || string(answer) != "hi" {
		t.Errorf("through the server that is back: %q, %v", answer, err)
	}
}

func TestConnectionComesBack(t *testing.T) {
	c := onLoopback(t, 1)
	server := start(t, ServerConfig{Cluster: c, Node: "node-1", Log: zap.NewNop()})
	core, logged := observer.New(zap.InfoLevel)
	conn := dial(t, DialConfig{Cluster: c, Name: "worker-1", Log: zap.New(core)})
	got := inbox(t, conn, "s", "")
	server.Close()
	for range 3000 { // 12 MB, more than is kept for later
		if err := conn.Publish("elsewhere", make([]byte, 4096)); err != nil {
			t.Fatalf("a message may be lost, but says %v", err)
		}
	}
	start(t, ServerConfig{Cluster: c, Node: "node-1", Log: zap.NewNop()})
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		publish(t, conn, "s", "again")
		if len(got) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the connection did not come back")
		}
	}
	for _, event := range []string{"disconnected", "connected again"} {
		if n := logged.FilterMessage(event).Len(); n != 1 {
			t.Errorf("%q stands %d times in the log, want once", event, n)
		}
	}
}

// A server that falls silent, as one behind a cut cable, is left after some seconds for another.
func TestServerFallsSilent(t *testing.T) {
	t.Parallel()
	c := onLoopback(t, 2)
	core, logged := observer.New(zap.InfoLevel)
	start(t, ServerConfig{Cluster: c, Node: "node-1", Log: zap.NewNop()})
	seen := c
	seen.Nodes = slices.Clone(c.Nodes)
	silence := deafProxy(t, c.Nodes[0].NATS, &seen.Nodes[0].NATS)
	conn := dial(t, DialConfig{Cluster: seen, Name: "worker-1", Log: zap.New(core)})
	got := inbox(t, conn, "s", "")
	start(t, ServerConfig{Cluster: c, Node: "node-2", Log: zap.NewNop()})
	close(silence)
	for deadline := time.Now().Add(patience); len(got) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the connection holds on to a silent server: %v", logged.All())
		}
		publish(t, conn, "s", "heard")
	}
	if n := logged.FilterMessage("connected again").Len(); n == 0 {
		t.Error("the server was not silent")
	}
}

// deafProxy forwards what comes to a new port of this machine, until silence is closed; then it forwards nothing more
// and hangs nothing up.
func deafProxy(t *testing.T, to int, port *int) (silence chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	*port = l.Addr().(*net.TCPAddr).Port
	silence = make(chan struct{})
	var copying sync.WaitGroup
	end := make(chan struct{})
	forward := func(from, to net.Conn) {
		copying.Go(func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := from.Read(buf)
				select {
				case <-silence:
					<-end
				default:
				}
				if err != nil {
					break
				}
				to.Write(buf[:n]) //nolint:errcheck // the reader of the other direction sees it
			}
			from.Close()
			to.Close()
		})
	}
	copying.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to))
			if err != nil {
				in.Close()
				continue
			}
			forward(in, out)
			forward(out, in)
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(end)
		copying.Wait()
	})
	return silence
}

func TestPortInUse(t *testing.T) {
	for _, which := range []string{"nats", "routes"} {
		c := onLoopback(t, 1)
		port := c.Nodes[0].NATS
		if which == "routes" {
			port = c.Nodes[0].Routes
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		_, err = StartServer(t.Context(), ServerConfig{Cluster: c, Node: "node-1", Log: zap.NewNop()})
		l.Close()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf(":%d: bind: address already in use", port)) {
			t.Errorf("%s: got %v, want an error that says that port %d is in use", which, err, port)
		}
	}
}

// 16 clients send a window each at once, to a subscriber that is slow at first.
func TestBurst(t *testing.T) {
	c := onLoopback(t, 1)
	s := start(t, ServerConfig{Cluster: c, Node: "node-1", Log: zap.NewNop()})
	leader := dial(t, DialConfig{Cluster: c, Name: "node-1", Server: s, Log: zap.NewNop()})
	const clients, size = 16, 256 << 10
	got := make(chan bool, clients*Window)
	release := make(chan bool)
	_, err := leader.Subscribe("update.*", "", func(m Message) {
		<-release
		got <- len(m.Data) == size
	})
	if err != nil {
		t.Fatal(err)
	}
	var sending sync.WaitGroup
	for i := range clients {
		w := dial(t, DialConfig{Cluster: c, Name: fmt.Sprintf("worker-%d", i), Log: zap.NewNop()})
		sending.Go(func() {
			frame := bytes.Repeat([]byte{byte(i)}, size)
			for range Window {
				if err := w.Publish(fmt.Sprintf("update.%d", i), frame); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	close(release)
	for i := range clients * Window {
		select {
		case whole := <-got:
			if !whole {
				t.Fatal("a message was cut")
			}
		case <-time.After(patience):
			t.Fatalf("%d of %d messages came", i, clients*Window)
		}
	}
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	c := onLoopback(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Dial(ctx, DialConfig{Cluster: c, Name: "worker-1", Log: zap.NewNop()})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), c.NATSURLs()[0]) {
		t.Errorf("got %v, want the context's error and where nobody was", err)
	}
}

// BenchmarkPublish sends messages from a worker to a node, through the node's server.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{4 << 10, 256 << 10} {
		for _, secure := range []string{"plain", "TLS"} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, secure), func(b *testing.B) {
				c, folder := guarded(b, 1)
				node, worker := folder("node-1"), folder("alice")
				if secure == "plain" {
					node, worker = nil, nil
				}
				s := start(b, ServerConfig{Cluster: c, Node: "node-1", Keys: node, Log: zap.NewNop()})
				from := dial(b, DialConfig{Cluster: c, Name: "alice", Keys: worker, Log: zap.NewNop()})
				to := dial(b, DialConfig{Cluster: c, Name: "node-1", Keys: node, Server: s, Log: zap.NewNop()})
				benchmarkPublish(b, from, to, NewSubjects(c.Run).Update(0), size)
			})
		}
	}
}

func benchmarkPublish(b *testing.B, from, to Conn, subject string, size int) {
	room := make(chan bool, 32<<20/size) // bytes on their way, far below what a subscriber may fall behind
	if _, err := to.Subscribe(subject, "", func(Message) { <-room }); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, size)
	b.SetBytes(int64(size))
	for b.Loop() {
		room <- true
		if err := from.Publish(subject, data); err != nil {
			b.Fatal(err)
		}
	}
	for len(room) > 0 {
		time.Sleep(50 * time.Microsecond)
	}
}
