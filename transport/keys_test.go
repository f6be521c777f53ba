package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"weir/config"
	"weir/keys"
)

// guarded is a cluster of n nodes and two workers with keys, and what it connects with.
func guarded(t testing.TB, n int) (config.Cluster, func(name string) *keys.Folder) {
	t.Helper()
	c := onLoopback(t, n)
	for name, clients := range map[string]string{"alice": "0-2", "bob": "3"} {
		w := config.Worker{ID: name}
		if err := w.Clients.UnmarshalText([]byte(clients)); err != nil {
			t.Fatal(err)
		}
		c.Workers = append(c.Workers, w)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := keys.Make(dir, c, time.Hour); err != nil {
		t.Fatal(err)
	}
	return c, func(name string) *keys.Folder {
		f, err := keys.Load(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

// The whole of who may say what to whom, through two nodes: what somebody may not publish reaches nobody.
func TestRights(t *testing.T) {
	c, folder := guarded(t, 2)
	conns := make(map[string]Conn)
	logs := make(map[string]*observer.ObservedLogs)
	servers := make(map[string]*Server)
	for _, n := range c.Nodes {
		servers[n.ID] = start(t, ServerConfig{Cluster: c, Node: n.ID, Keys: folder(n.ID), Log: zap.NewNop()})
	}
	for _, name := range []string{"node-1", "node-2", "alice", "bob", "operator"} {
		core, logged := observer.New(zap.InfoLevel)
		logs[name] = logged
		conns[name] = dial(t, DialConfig{Cluster: c, Name: name, Keys: folder(name), Server: servers[name], Log: zap.New(core)})
	}
	s := NewSubjects(c.Run)
	for _, test := range []struct {
		who, subject string
		may          bool
	}{
		{"alice", s.Update(0), true},
		{"alice", s.Update(2), true},
		{"alice", s.Update(3), false}, // bob's
		{"alice", s.Hello("alice"), true},
		{"alice", s.Hello("bob"), false},
		{"alice", s.Fetch(), true},
		{"alice", s.FetchFrom("node-2"), true},
		{"alice", s.Worker("bob"), false},
		{"alice", s.Beat(), false},
		{"alice", s.Control(), false},
		{"alice", "weir.other.update.0", false},
		{"bob", s.Update(3), true},
		{"bob", s.Update(0), false},
		{"operator", s.Control(), true},
		{"operator", s.Update(0), false},
		{"operator", s.Beat(), false},
		{"node-2", s.Beat(), true},
		{"node-2", s.Worker("bob"), true},
		{"node-2", "weir.other.beat", false},
	} {
		t.Run(test.who+" "+test.subject, func(t *testing.T) {
			if strings.Contains(test.subject, "other") { // no node subscribes to it: the log must tell
				publish(t, conns[test.who], test.subject, "")
				complains(t, logs[test.who], publication, test.subject)
				return
			}
			got := make(chan Message, 100)
			sub, err := conns["node-1"].Subscribe(test.subject, "", func(m Message) { got <- m })
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Close()
			if !test.may {
				publish(t, conns[test.who], test.subject, "")
				complains(t, logs[test.who], publication, test.subject)
				if len(got) > 0 {
					t.Error("it arrived all the same")
				}
				return
			}
			for deadline := time.Now().Add(patience); len(got) == 0; time.Sleep(time.Millisecond) {
				publish(t, conns[test.who], test.subject, "")
				if time.Now().After(deadline) {
					t.Fatal("it did not arrive")
				}
			}
		})
	}
	for _, test := range []struct {
		who, subject string
		may          bool
	}{
		{"alice", s.Worker("alice"), true},
		{"alice", s.Beat(), true},
		{"alice", s.Worker("bob"), false},
		{"alice", s.Updates(), false},
		{"alice", "weir.test.>", false},
		{"alice", "_INBOX.bob.>", false},
		{"alice", "_INBOX.>", false},
		{"alice", ">", false},
		{"operator", s.Beat(), true},
		{"operator", s.Worker("bob"), false},
		{"operator", s.Control(), false},
	} {
		t.Run(test.who+" listens to "+test.subject, func(t *testing.T) {
			sub, err := conns[test.who].Subscribe(test.subject, "", func(Message) {})
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Close()
			if test.may {
				if n := complaints(logs[test.who], subscription, test.subject); n != 0 {
					t.Errorf("it is forbidden")
				}
				return
			}
			complains(t, logs[test.who], subscription, test.subject)
		})
	}
	// Questions are answered across nodes.
	node := conns["node-1"]
	answer := func(q Message) { node.Publish(q.Reply, []byte("yes")) } //nolint:errcheck // the asker sees it
	for _, subject := range []string{s.Hellos(), s.Control(), s.Fetch()} {
		if _, err := node.Subscribe(subject, "", answer); err != nil {
			t.Fatal(err)
		}
	}
	for who, subject := range map[string]string{"alice": s.Hello("alice"), "bob": s.Fetch(), "operator": s.Control()} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if got, err := retry(ctx, conns[who], subject, ""); err != nil || string(got) != "yes" {
			t.Errorf("%s asks on %s: %q, %v", who, subject, got, err)
		}
		cancel()
	}
}

// What may be forbidden, in the server's words.
const (
	publication  = "publish to "
	subscription = "subscription to "
)

// complaints counts what a log says about a subject that is forbidden.
func complaints(logged *observer.ObservedLogs, what, subject string) int {
	return logged.Filter(func(e observer.LoggedEntry) bool {
		text, _ := e.ContextMap()["error"].(string)
		return strings.Contains(strings.ToLower(text), what+`"`+strings.ToLower(subject)+`"`)
	}).Len()
}

func complains(t *testing.T, logged *observer.ObservedLogs, what, subject string) {
	t.Helper()
	for deadline := time.Now().Add(patience); complaints(logged, what, subject) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody says that %s is forbidden: %v", subject, logged.All())
		}
	}
}

// Who has no key, another run's key, or another run's authority does not get in.
func TestStrangers(t *testing.T) {
	c, folder := guarded(t, 1)
	start(t, ServerConfig{Cluster: c, Node: "node-1", Keys: folder("node-1"), Log: zap.NewNop()})
	other, others := guarded(t, 1)

	for _, test := range []struct {
		name string
		keys *keys.Folder
		want string
	}{
		{"without keys", nil, "--keys"},
		{"keys of another run", others("alice"), "not of this run's authority"},
		{"keys of another worker", folder("bob"), "alice has the keys of worker bob"},
		{"an unknown nkey", impostor(t, folder("alice"), others("alice")), "not among the users"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		conn, err := Dial(ctx, DialConfig{Cluster: c, Name: "alice", Keys: test.keys, Log: zap.NewNop()})
		cancel()
		if err == nil {
			conn.Close()
			t.Errorf("%s: connected", test.name)
		} else if errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := StartServer(t.Context(), ServerConfig{Cluster: other, Node: "node-1", Keys: others("alice"), Log: zap.NewNop()}); err == nil ||
		!strings.Contains(err.Error(), "node node-1 has the keys of worker alice") {
		t.Errorf("a worker's keys for a node: got %v", err)
	}
}

// impostor trusts the authority of one folder and has the nkey of another.
func impostor(t *testing.T, trusts, has *keys.Folder) *keys.Folder {
	t.Helper()
	f := *trusts
	f.Seed = has.Seed
	return &f
}

// A server with a certificate of another authority, or a plain TCP connection, does not become part of the cluster.
func TestStrangeServer(t *testing.T) {
	c, folder := guarded(t, 2)
	core, logged := observer.New(zap.WarnLevel)
	s := start(t, ServerConfig{Cluster: c, Node: "node-1", Keys: folder("node-1"), Log: zap.New(core)})
	_, others := guarded(t, 2)
	stranger := start(t, ServerConfig{Cluster: c, Node: "node-2", Keys: others("node-2"), Log: zap.NewNop()})
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if logged.Filter(func(e observer.LoggedEntry) bool { return strings.Contains(e.Message, "TLS") }).Len() > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody complains about the certificate")
		}
	}
	if n := s.nats.NumRoutes(); n != 0 {
		t.Errorf("%d routes to the stranger", n)
	}
	stranger.Close()
	start(t, ServerConfig{Cluster: c, Node: "node-2", Keys: folder("node-2"), Log: zap.NewNop()})
	for deadline := time.Now().Add(patience); s.nats.NumRoutes() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the right one does not get in")
		}
	}
	// A worker has no certificate, so the routes are closed to it.
	conn, err := tls.Dial("tcp", c.Nodes[0].RoutesAddr(), folder("alice").Client())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("a worker at the routes: got %v, want that it needs a certificate", err)
	}
}

// Raft's connections are mutual too.
func TestPeers(t *testing.T) {
	_, folder := guarded(t, 2)
	_, others := guarded(t, 1)
	l, err := tls.Listen("tcp", "127.0.0.1:0", folder("node-1").Peer())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	shake := func(as *tls.Config) (client, server error) {
		accepted := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				err = conn.(*tls.Conn).HandshakeContext(t.Context())
				conn.Close()
			}
			accepted <- err
		}()
		raw, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		as = as.Clone()
		as.ServerName = "127.0.0.1"
		client = tls.Client(raw, as).HandshakeContext(t.Context())
		return client, <-accepted
	}
	if client, server := shake(folder("node-2").Peer()); client != nil || server != nil {
		t.Errorf("two nodes: %v, %v", client, server)
	}
	if _, server := shake(folder("alice").Client()); server == nil {
		t.Error("a worker, which has no certificate, is let in")
	}
	if client, _ := shake(others("node-1").Peer()); client == nil {
		t.Error("a node of another run trusts this one")
	}
	stranger := others("node-1").Peer()
	stranger.InsecureSkipVerify = true
	if _, server := shake(stranger); server == nil {
		t.Error("a node of another run is let in")
	}
}

// An existing NATS, with an nkey in a file.
func TestExistingNATS(t *testing.T) {
	c, folder := guarded(t, 1)
	alice := folder("alice")
	opts := &server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Nkeys: []*server.NkeyUser{{Nkey: alice.Key}}}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(patience) {
		t.Fatal("not ready")
	}
	c.NATS = config.ExistingNATS{URL: s.ClientURL(), Credentials: alice.Seed}
	conn := dial(t, DialConfig{Cluster: c, Name: "node-1", Log: zap.NewNop()})
	got := inbox(t, conn, "s", "")
	publish(t, conn, "s", "hello")
	receive(t, got)

	c.NATS.Credentials = ""
	if _, err := Dial(t.Context(), DialConfig{Cluster: c, Name: "node-1", Log: zap.NewNop()}); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without credentials: got %v", err)
	}
	c.NATS.Credentials = filepath.Join(t.TempDir(), "none")
	if _, err := Dial(t.Context(), DialConfig{Cluster: c, Name: "node-1", Log: zap.NewNop()}); err == nil ||
		!strings.Contains(err.Error(), c.NATS.Credentials) {
		t.Errorf("without the file: got %v", err)
	}
}
