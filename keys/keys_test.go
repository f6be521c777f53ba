package keys

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/config"
)

const life = 24 * time.Hour

func ids(t *testing.T, text string) config.ClientIDs {
	t.Helper()
	var c config.ClientIDs
	if err := c.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return c
}

func twoNodes(t *testing.T) config.Cluster {
	return config.Cluster{
		Run:     "test",
		Nodes:   []config.Node{{ID: "node-1", Host: "10.0.0.1"}, {ID: "node-2", Host: "two.example.org"}},
		Workers: []config.Worker{{ID: "worker-1", Clients: ids(t, "0-4")}},
	}
}

func made(t *testing.T, c config.Cluster) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sub", "keys")
	if _, err := Make(dir, c, life); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// tree lists the files below dir and checks that nobody else may read them.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		if !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMake(t *testing.T) {
	c := twoNodes(t)
	dir := made(t, c)
	want := strings.Fields(`authority/ca.key authority/ca.pem authority/http.token authority/users.json
		node-1/ca.pem node-1/http.token node-1/identity.json node-1/nats.seed node-1/node.key node-1/node.pem node-1/users.json
		node-2/ca.pem node-2/http.token node-2/identity.json node-2/nats.seed node-2/node.key node-2/node.pem node-2/users.json
		operator/ca.pem operator/http.token operator/identity.json operator/nats.seed
		worker-1/ca.pem worker-1/identity.json worker-1/nats.seed`)
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	first, second := load(t, filepath.Join(dir, "node-1")), load(t, filepath.Join(dir, "node-2"))
	worker, operator := load(t, filepath.Join(dir, "worker-1")), load(t, filepath.Join(dir, "operator"))
	if len(first.Token) < 40 || first.Token != second.Token || first.Token != operator.Token || worker.Token != "" {
		t.Errorf("tokens %q, %q, %q, %q", first.Token, second.Token, operator.Token, worker.Token)
	}
	var users []string
	for i, u := range first.Users {
		users = append(users, string(u.Role)+" "+u.Name+" "+u.Clients.String())
		if mine := []*Folder{first, second, worker, operator}[i]; mine.Key != u.Key {
			t.Errorf("%s has the key %s, and stands in the list with %s", u.Name, mine.Key, u.Key)
		}
	}
	if want := []string{"node node-1 ", "node node-2 ", "worker worker-1 0-4", "operator operator "}; !slices.Equal(users, want) {
		t.Errorf("users %q, want %q", users, want)
	}
	if until := time.Until(first.Expires); until > life || until < life-time.Hour {
		t.Errorf("the certificate is good for %v, want %v", until, life)
	}
	for host, good := range map[string]bool{"two.example.org": true, "127.0.0.1": true, "localhost": true, "10.0.0.1": false} {
		leaf, err := x509.ParseCertificate(second.cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: first.ca, DNSName: host})
		if (err == nil) != good {
			t.Errorf("node-2's certificate for %s: %v", host, err)
		}
	}
	if _, err := Make(dir, c, life); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("made twice: got %v", err)
	}
}

func TestAdd(t *testing.T) {
	c := twoNodes(t)
	dir := made(t, c)
	before := load(t, filepath.Join(dir, "node-1"))
	again, err := Add(dir, c, life, nil)
	if err != nil || len(again) != 0 {
		t.Fatalf("nothing is new: got %v, %v", again, err)
	}
	// A worker comes, one goes, a node is renewed. The folder of the other node lies on its machine only.
	c.Workers = []config.Worker{{ID: "worker-2", Clients: ids(t, "0-9")}}
	if err := os.RemoveAll(filepath.Join(dir, "node-2")); err != nil {
		t.Fatal(err)
	}
	changes, err := Add(dir, c, life, []string{"node-1"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range changes {
		got = append(got, filepath.Base(m.Folder))
		if m.Changed != (m.Name == "node-2") {
			t.Errorf("%s: changed is %v", m.Name, m.Changed)
		}
	}
	if want := []string{"node-1", "worker-2", "node-2"}; !slices.Equal(got, want) {
		t.Errorf("made %q, want %q", got, want)
	}
	after := load(t, filepath.Join(dir, "node-1"))
	if after.Key == before.Key || after.Token != before.Token {
		t.Error("renewed: the key is to be another one, the token the same")
	}
	if slices.ContainsFunc(after.Users, func(u User) bool { return u.Name == "worker-1" }) {
		t.Error("worker-1 has left the cluster and may still connect")
	}
	if got := tree(t, filepath.Join(dir, "node-2")); !slices.Equal(got, []string{"users.json"}) {
		t.Errorf("node-2's folder has %q, want the new list alone", got)
	}
	if _, err := Add(dir, c, life, []string{"worker-1"}); err == nil || !strings.Contains(err.Error(), "worker-1: is nobody") {
		t.Errorf("got %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "worker-3"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.Workers = append(c.Workers, config.Worker{ID: "worker-3", Clients: ids(t, "10")})
	if _, err := Add(dir, c, life, nil); err == nil || !strings.Contains(err.Error(), "worker-3: is there already") {
		t.Errorf("a folder of somebody else: got %v", err)
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := made(t, twoNodes(t))
		path := filepath.Join(dir, "node-1")
		time.Sleep(life - time.Minute)
		load(t, path)
		time.Sleep(2 * time.Minute)
		_, err := Load(path)
		want := filepath.Join(path, nodeCert) + ": expired on 2000-01-02: renew it with `weir keys add CLUSTER --renew node-1`"
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		load(t, filepath.Join(dir, "worker-1"))
		if _, err := Add(dir, twoNodes(t), life, []string{"node-1"}); err != nil {
			t.Fatal(err)
		}
		load(t, path)
		time.Sleep(authorityLife)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "ca.pem: this authority expired on 2009-12-29") {
			t.Errorf("after ten years: got %v", err)
		}
	})
}

func TestClockBehind(t *testing.T) {
	dir := made(t, twoNodes(t))
	synctest.Test(t, func(t *testing.T) { // begins in the year 2000
		_, err := Load(filepath.Join(dir, "node-1"))
		if err == nil || !strings.Contains(err.Error(), "is this machine's clock right?") {
			t.Errorf("got %v", err)
		}
	})
}

func TestLoadFaults(t *testing.T) {
	c := twoNodes(t)
	other := made(t, c)
	for name, test := range map[string]struct {
		spoil func(node string) error
		want  string
	}{
		"another authority":  {func(node string) error { return os.Rename(other+"/node-1/ca.pem", node+"/ca.pem") }, "node.pem: was not signed by the authority"},
		"no folder":          {func(node string) error { return os.RemoveAll(node) }, "is no folder of keys"},
		"no seed":            {func(node string) error { return os.Remove(node + "/nats.seed") }, "nats.seed"},
		"another's key":      {func(node string) error { return os.Rename(other+"/node-1/node.key", node+"/node.key") }, "node.pem: tls: private key does not match"},
		"a damaged list":     {func(node string) error { return os.WriteFile(node+"/users.json", []byte("["), 0o600) }, "users.json: unexpected end"},
		"text for a CA":      {func(node string) error { return os.WriteFile(node+"/ca.pem", []byte("hello"), 0o600) }, "ca.pem: holds no certificate"},
		"the list is absent": {func(node string) error { return os.Remove(node + "/users.json") }, "users.json"},
	} {
		node := filepath.Join(made(t, c), "node-1")
		if err := test.spoil(node); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(node); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(made(t, twoNodes(t)), "node-1")
	loopback := []config.Node{{ID: "a", Host: "127.0.0.1"}, {ID: "b", Host: "localhost"}, {ID: "c", Host: "::1"}}
	reachable := append(loopback[:2:2], config.Node{ID: "c", Host: "10.0.0.1"})
	for _, test := range []struct {
		name, dir string
		insecure  bool
		cluster   config.Cluster
		want      string // empty when it is to open
	}{
		{"loopback", "", false, config.Cluster{Nodes: loopback}, ""},
		{"reachable", "", false, config.Cluster{Nodes: reachable}, "c is on 10.0.0.1, which others can reach, and there are no keys: make them with `weir keys make` and name a folder with --keys, or say --insecure on a network where everybody is trusted"},
		{"insecure by name", "", true, config.Cluster{Nodes: reachable}, ""},
		{"with keys", dir, false, config.Cluster{Nodes: reachable}, ""},
		{"with keys that are none", dir + "x", false, config.Cluster{Nodes: reachable}, "is no folder of keys"},
		{"NATS here", "", false, config.Cluster{Nodes: loopback, NATS: config.ExistingNATS{URL: "nats://localhost:4222"}}, ""},
		{"NATS elsewhere without TLS", dir, false, config.Cluster{Nodes: loopback, NATS: config.ExistingNATS{URL: "nats://localhost:4222,nats://h:4222", Credentials: "x"}}, "the NATS at nats://h:4222 is not on this machine"},
		{"NATS elsewhere without credentials", dir, false, config.Cluster{Nodes: loopback, NATS: config.ExistingNATS{URL: "tls://h:4222"}}, "the NATS at tls://h:4222 is not on this machine"},
		{"NATS elsewhere", "", false, config.Cluster{Nodes: loopback, NATS: config.ExistingNATS{URL: "tls://h:4222", Credentials: "x"}}, ""},
	} {
		f, err := Open(test.dir, test.insecure, test.cluster)
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		case test.want == "" && (f != nil) != (test.dir != ""):
			t.Errorf("%s: got %v", test.name, f)
		}
	}
	var none *Folder
	if none.Peer() != nil || none.Server() != nil || none.Client() != nil {
		t.Error("without keys there is no TLS")
	}
}
