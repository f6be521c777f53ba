package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const threeNodes = `run: fashion
nodes:
  - {id: node-1, host: 10.0.0.1}
  - {id: node-2, host: 10.0.0.2, raft: 7101, nats: 4322, routes: 6322, http: 8180}
  - {id: node-3, host: "2001:db8::3"}
workers:
  - {id: worker-1, clients: 0-12}
  - {id: worker-2, clients: "13,15-19"}
  - {id: worker-3, clients: 14}
`

func cluster(t *testing.T, text string) (Cluster, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadCluster(path)
}

func TestCluster(t *testing.T) {
	c, err := cluster(t, threeNodes)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := c.Node("node-2")
	third, found := c.Node("node-3")
	if !found {
		t.Fatal("node-3 is missing")
	}
	for _, test := range []struct{ got, want string }{
		{c.Nodes[0].RaftAddr(), "10.0.0.1:7001"},
		{second.RaftAddr(), "10.0.0.2:7101"},
		{second.RoutesAddr(), "10.0.0.2:6322"},
		{third.HTTPAddr(), "[2001:db8::3]:8080"},
		{strings.Join(c.NATSURLs(), " "), "nats://10.0.0.1:4222 nats://10.0.0.2:4322 nats://[2001:db8::3]:4222"},
		{third.Bind(), "0.0.0.0"},
		{Node{Host: "localhost"}.Bind(), "localhost"},
		{c.Workers[1].Clients.String(), "13,15-19"},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
	run := Default()
	run.Name, run.Clients.Count = "other", 20
	if fit, err := c.For(run); err != nil || fit.Run != "fashion" {
		t.Errorf("got run %q, %v", fit.Run, err)
	}
	c.Run = ""
	if fit, _ := c.For(run); fit.Run != "other" {
		t.Errorf("got run %q, want the config's name", fit.Run)
	}
}

func TestClusterNeedsEachClientOfTheConfig(t *testing.T) {
	c, err := cluster(t, threeNodes)
	if err != nil {
		t.Fatal(err)
	}
	for count, want := range map[int]string{
		23: `:6: workers: no worker has clients 20-22: each of the 23 is needed (clients.count)`,
		19: `:8: workers[1].clients: "13,15-19": client 19 is not one of the config's: clients.count is 19, so they are 0-18`,
	} {
		run := Default()
		run.Clients.Count = count
		if _, err := c.For(run); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d clients: got %v, want %s", count, err, want)
		}
	}
}

func TestClusterFaults(t *testing.T) {
	const node = "nodes: [{id: node-1, host: 10.0.0.1}]\n"
	for _, test := range []struct{ name, text, want string }{
		{"no nodes", "run: x", `nodes: must list the coordinator nodes, such as [{id: node-1, host: 10.0.0.1}]`},
		{"unknown key", "nodes:\n  - {id: node-1, hots: 10.0.0.1}", `:2: nodes[0].hots: unknown key (did you mean host?)`},
		{"port that is none", "nodes:\n  - {id: node-1, host: a, raft: 70000}", `:2: nodes[0].raft: "70000": must be a port between 1 and 65535`},
		{"id twice", "nodes:\n- {id: a, host: a}\n- {id: a, host: b}", `:3: nodes[1].id: "a": is the name of nodes[0].id already`},
		{"id of a folder", node + "workers: [{id: operator, clients: 0}]", `:2: workers[0].id: "operator": must be another name: this one is the folder of keys that is no node's`},
		{"id no folder can have", "nodes: [{id: a/b, host: a}]", `:1: nodes[0].id: "a/b": must be a name of letters, digits, - and _, at most 100 bytes`},
		{"address twice", "nodes:\n- {id: a, host: h}\n- {id: b, host: h, raft: 1, routes: 2, http: 3}", `:3: nodes[1].nats: h:4222 is the address of nodes[0].nats already`},
		{"host with a port", "nodes: [{id: a, host: 'h:1'}]", `:1: nodes[0].host: "h:1": must be the machine's name or IP address, without a port, as the other machines call it`},
		{"host of all interfaces", "nodes: [{id: a, host: 0.0.0.0}]", `:1: nodes[0].host: "0.0.0.0": must be the address that others connect to, not one to listen on`},
		{"no clients", node + "workers: [{id: w}]", `:2: workers[0].clients: must name the clients that the worker hosts, such as 0-12,20`},
		{"clients that are none", node + "workers: [{id: w, clients: 3-x}]", `:2: workers[0].clients: "3-x": must be client numbers and ranges such as 0-12,20: "3-x" is neither`},
		{"a range backwards", node + "workers: [{id: w, clients: 3-1}]", `:2: workers[0].clients: "3-1": must be client numbers and ranges such as 0-12,20: "3-1" is neither`},
		{"too many clients", node + "workers: [{id: w, clients: 0-99999999}]", `:2: workers[0].clients: "0-99999999": must be below 10000000: a run has at most so many clients`},
		{"a client twice on one", node + "workers: [{id: w, clients: '0-5,3'}]", `:2: workers[0].clients: "0-5,3": must name each client once`},
		{"a client twice", node + "workers:\n- {id: v, clients: 0-4}\n- {id: w, clients: '9,3-8'}", `:4: workers[1].clients: "9,3-8": client 3 is on workers[0], v, already`},
		{"NATS of another kind", node + "nats: {url: 'http://x'}", `:2: nats.url: "http://x": must be nats://host:4222, or tls://host:4222, or several with commas between them; credentials belong into nats.credentials`},
		{"credentials for nothing", node + "nats: {credentials: x}", `nats.credentials: is of no use without nats.url: the embedded server has its own keys`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := cluster(t, test.text)
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("got %v, want an *Error", err)
			}
			got := strings.ReplaceAll(err.Error(), fault.File, "")
			if test.name == "credentials for nothing" {
				got = got[strings.Index(got, "is of"):]
				test.want = test.want[strings.Index(test.want, "is of"):] // the value is the file's path here
			}
			if !strings.HasSuffix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestClientIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.Uint32Range(0, 60), func(id uint32) uint32 { return id }).Draw(t, "ids")
		set := NewClientIDs(ids)
		var again ClientIDs
		if err := again.UnmarshalText([]byte(set.String())); err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		for _, s := range []ClientIDs{set, again} {
			if got := slices.Collect(s.All()); !slices.Equal(got, ids) || s.Len() != len(ids) {
				t.Fatalf("%s is %v, %d of them, want %v", s, got, s.Len(), ids)
			}
		}
	})
}
