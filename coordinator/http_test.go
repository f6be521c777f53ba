package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/config"
)

// site is a lab in real time, whose nodes show themselves over HTTP.
type site struct {
	*lab
	members []Member
	conf    func(*Config) // changes a node's configuration; nil for no change
}

// onSite is a run of quick clients that goes on until it is told to stop.
const onSite = `
name: on-site
seed: 3
problem: {kind: learn, dataset: synthetic, model: {kind: logistic}, partition: {kind: dirichlet, alpha: 0.5}}
clients: {count: 6, speed: {kind: lognormal, median: 10ms, sigma: 1}, link: {up: 100Mbit, down: 100Mbit, latency: 1ms}}
local: {lr: 0.1, batch: 32, epochs: 1}
aggregate: {kind: fedbuff, size: 2}
stop: {versions: 1000000}
evaluate: {every: 5}
coordinator: {checkpoint_every: 5}
`

func newSite(t *testing.T, cfg config.Config, nodes int) *site {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s := &site{lab: newLab(t, cfg, nodes)}
	t.Cleanup(func() {
		s.stopAll()
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, append(raftWaits, before)...)
	})
	return s
}

// startNodes starts all nodes and returns their URLs.
func (s *site) startNodes() (urls []string) {
	s.t.Helper()
	var listeners []net.Listener
	for _, id := range s.ids {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.t.Fatal(err)
		}
		listeners = append(listeners, listener)
		s.members = append(s.members, Member{ID: id, Raft: id, HTTP: listener.Addr().String()})
		urls = append(urls, "http://"+listener.Addr().String())
	}
	for i, id := range s.ids {
		s.serveNode(id, listeners[i])
	}
	return urls
}

func (s *site) serveNode(id string, listener net.Listener) {
	t, conn := s.connect(id), s.net.Connect(id)
	cfg := Config{Node: id, Members: s.members, Run: s.cfg, Conn: conn, Raft: t, HTTP: listener, Log: s.log.Named(id)}
	if s.conf != nil {
		s.conf(&cfg)
	}
	s.nodes[id] = s.start(func(ctx context.Context) error {
		defer conn.Close()
		defer t.Close()
		return Run(ctx, cfg)
	})
}

// stopAll ends everything and waits for it.
func (s *site) stopAll() {
	for _, of := range []map[string]*process{s.workers, s.nodes} {
		for name, p := range of {
			s.stopOne(of, name, p)
		}
	}
	s.all.Wait()
}

func (s *site) stopOne(of map[string]*process, name string, p *process) {
	p.stop(nil)
	if err := <-p.done; err != nil && !errors.Is(err, context.Canceled) {
		s.t.Errorf("%s: %v", name, err)
	}
	delete(of, name)
}

// get is an answer's status and text.
func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// statusUntil asks for the status until it is as wanted.
func statusUntil(t *testing.T, url, what string, wanted func(*Status) bool) Status {
	t.Helper()
	var last string
	const hung = time.Minute // only what will never come takes as long
	for began := time.Now(); time.Since(began) < hung; time.Sleep(20 * time.Millisecond) {
		_, last = get(t, url+statusPath)
		var s Status
		if err := json.Unmarshal([]byte(last), &s); err != nil {
			t.Fatalf("%v: %s", err, last)
		}
		if wanted(&s) {
			return s
		}
	}
	t.Fatalf("%s never came; the last status: %s", what, last)
	return Status{}
}

// Every node tells the same of the run, of all nodes, and of all clients, with the names that others rely on.
func TestStatusTellsOfEverybody(t *testing.T) {
	s := newSite(t, load(t, onSite), 3)
	urls := s.startNodes()
	waiting := statusUntil(t, urls[0], "a leader that waits", func(s *Status) bool { return s.Leader != "" && s.Waiting == 6 })
	if waiting.Version != 0 || waiting.States["absent"] != 6 {
		t.Errorf("before anybody came: %+v", waiting)
	}
	s.startWorker("worker-1", 0, 1, 2)
	s.startWorker("worker-2", 3, 4, 5)
	for i, url := range urls {
		got := statusUntil(t, url, "a run with a digest, everybody at work", func(s *Status) bool {
			stale := slices.ContainsFunc(s.Nodes, func(n NodeStatus) bool { return n.Version == 0 || n.LastContact < 0 }) // asked before there was a leader
			return !stale && s.Version > 10 && s.Nodes[i].Digest != "" && s.Clients[0].Worker != "" && s.Clients[5].Updates > 0 && s.Metrics["loss"] != 0
		})
		if got.Run != "on-site" || got.Node != s.ids[i] || got.Waiting != 0 || got.Stopped != "" {
			t.Errorf("%s: %+v", url, got)
		}
		leaders := 0
		for k, n := range got.Nodes {
			if n.ID != s.ids[k] || n.Raft != s.ids[k] || n.HTTP != urls[k] || n.PID == 0 || n.Term == 0 || n.Applied == 0 || n.LastContact < 0 {
				t.Errorf("%s: node %d is %+v", url, k, n)
			}
			if n.Role == roleLeader && n.ID == got.Leader {
				leaders++
			}
		}
		if leaders != 1 {
			t.Errorf("%s: leader %q among %+v", url, got.Leader, got.Nodes)
		}
		for k, c := range got.Clients {
			want := "worker-1"
			if k > 2 {
				want = "worker-2"
			}
			if c.ID != uint32(k) || c.Worker != want || c.State == "absent" || !c.LastLoss.Finite() && c.Updates > 0 || c.Blocked < 0 || c.Blocked > 1 {
				t.Errorf("%s: client %d is %+v", url, k, c)
			}
		}
	}
	_, text := get(t, urls[0]+statusPath)
	for _, name := range []string{
		`"run":`, `"version":`, `"leader":`, `"nodes":`, `"clients":`, `"id":`, `"role":`, `"pid":`, `"raft":`, `"http":`, `"digest":`,
		`"last_contact_ms":`, `"worker":`, `"state":`, `"staleness":`, `"updates":`, `"last_loss":`, `"blocked_fraction":`,
	} {
		if !strings.Contains(text, name) {
			t.Errorf("no %s in %s", name, text)
		}
	}
}

// When the leader dies the others say that it is gone, who leads now, and that they are ready; a node without the others
// says that nobody leads, and is up and not ready.
func TestStatusAfterNodesAreGone(t *testing.T) {
	s := newSite(t, load(t, onSite), 3)
	urls := s.startNodes()
	s.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
	var first Status
	for _, url := range urls { // each has heard of the others before one is gone
		first = statusUntil(t, url, "version 5", func(s *Status) bool {
			return s.Version >= 5 && !slices.ContainsFunc(s.Nodes, func(n NodeStatus) bool { return n.Version == 0 })
		})
	}
	s.stopOne(s.nodes, first.Leader, s.nodes[first.Leader])

	var left []int
	for i, id := range s.ids {
		if id != first.Leader {
			left = append(left, i)
		}
	}
	after := statusUntil(t, urls[left[0]], "another leader", func(s *Status) bool {
		return s.Leader != "" && s.Leader != first.Leader && s.Version > first.Version+5 && slices.ContainsFunc(s.Nodes, func(n NodeStatus) bool { return n.Role == roleGone })
	})
	for _, n := range after.Nodes {
		if lost := n.ID == first.Leader; lost != (n.Role == roleGone) || lost && n.Version == 0 {
			t.Errorf("%s led and is gone: %+v", first.Leader, n)
		}
	}
	if status, text := get(t, urls[left[0]]+readyPath); status != http.StatusOK || text != "ready\n" {
		t.Errorf("%d %q of a node that follows", status, text)
	}

	s.stopOne(s.nodes, s.ids[left[1]], s.nodes[s.ids[left[1]]])
	statusUntil(t, urls[left[0]], "a cluster without a leader", func(s *Status) bool { return s.Leader == "" })
	if status, text := get(t, urls[left[0]]+readyPath); status != http.StatusServiceUnavailable || !strings.Contains(text, "nobody leads") {
		t.Errorf("%d %q of a node alone", status, text)
	}
	if status, text := get(t, urls[left[0]]+healthPath); status != http.StatusOK || text != "up\n" {
		t.Errorf("%d %q of a node that is up", status, text)
	}
}
