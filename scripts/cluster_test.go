package scripts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const local = `nodes:
  - {id: node-1, host: 127.0.0.1, raft: 17001, nats: 14222, routes: 16222, http: 18080}
workers:
  - {id: worker-1, clients: 0-1}
  - {id: worker-2, clients: 2-3}
`

// TestClusterDryRun wants every command that would run, as a person would read it. What the hosts file says is one word
// on the machine, whatever is in it: the shell there must see no command in it.
func TestClusterDryRun(t *testing.T) {
	b := newBash(t, "cluster", "WEIR=/opt/weir")
	hosts, err := os.ReadFile("testdata/hosts")
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "hosts", string(hosts))
	b.write(t, "cluster.yaml", local)
	b.write(t, "my config.yaml", "name: x\n")
	for _, id := range []string{"node-1", "worker-1", "worker-2"} {
		b.write(t, "keys/"+id+"/nats.seed", "secret")
	}
	var got strings.Builder
	for _, args := range [][]string{
		{"start", "--config", "my config.yaml"}, {"status"}, {"watch"}, {"stop"}, {"collect", "--out", "what came"},
	} {
		got.WriteString("# " + strings.Join(args, " ") + "\n")
		got.WriteString(b.run(t, append([]string{"--dry-run"}, args...)...) + "\n")
	}
	const golden = "testdata/cluster.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	if strings.Contains(got.String(), "keys/worker-2 ada@h1") || strings.Contains(got.String(), "keys/node-1 h2") {
		t.Error("a machine gets keys that are not its own")
	}
	if _, err := os.Stat(filepath.Join(b.dir, "what came")); err == nil {
		t.Error("a dry run has made a folder")
	}
}

// TestClusterBuilds wants the binary built where none is given, and nothing left of it.
func TestClusterBuilds(t *testing.T) {
	temporary := t.TempDir()
	b := newBash(t, "cluster", "WEIR=", "TMPDIR="+temporary)
	b.write(t, "hosts", "coordinator node-1 h1\n")
	b.write(t, "cluster.yaml", local)
	b.write(t, "run.yaml", "name: x\n")
	if got := b.run(t, "--dry-run", "start", "--config", "run.yaml", "--insecure"); !strings.Contains(got, "go build -trimpath -o "+temporary) {
		t.Errorf("got\n%s", got)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestClusterRefuses(t *testing.T) {
	b := newBash(t, "cluster", "WEIR=/opt/weir")
	b.write(t, "hosts", "coordinator node-1 h1\n")
	b.write(t, "cluster.yaml", local)
	b.write(t, "run.yaml", "name: x\n")
	b.write(t, "twice", "coordinator node-1 h1\nworker node-1 h1\n")
	b.write(t, "evil", "worker worker-1 -oProxyCommand=reboot\n")
	b.write(t, "role", "boss node-1 h1\n")
	b.refuse(t, "usage: scripts/cluster")
	b.refuse(t, "there is no command or option begin", "begin")
	b.refuse(t, "start wants --config and a file", "start")
	b.refuse(t, "keys: has no folder node-1", "start", "--config", "run.yaml")
	b.refuse(t, "--hosts none: there is no such file", "status", "--hosts", "none")
	b.refuse(t, "twice:2: node-1: is there already", "status", "--hosts", "twice")
	b.refuse(t, "evil:1: -oProxyCommand=reboot: must be where ssh finds the machine", "status", "--hosts", "evil")
	b.refuse(t, "role:1: boss: must be coordinator or worker", "status", "--hosts", "role")
	b.refuse(t, "--dir a b: must be a path", "status", "--dir", "a b")
	if help := b.run(t, "--help"); !strings.Contains(help, "Example: the file hosts") {
		t.Error("--help shows no example")
	}
}

// TestCluster runs the script against machines that are folders: testdata/bin has an ssh and an scp that know no others.
func TestCluster(t *testing.T) {
	machines := t.TempDir()
	bin, err := filepath.Abs("testdata/bin")
	if err != nil {
		t.Fatal(err)
	}
	b := newBash(t, "cluster", "WEIR="+binary(t), "MACHINES="+machines, "PATH="+bin+":"+os.Getenv("PATH"))
	b.write(t, "hosts", "coordinator node-1 h1\nworker worker-1 h1\nworker worker-2 h2\n")
	b.write(t, "cluster.yaml", local)
	b.write(t, "run.yaml", "problem: {kind: none, dim: 100}\nclients: {count: 4}\naggregate: {kind: fedavg}\nstop: {versions: 1000000}\n")
	t.Cleanup(func() { b.command("stop").Run() }) //nolint:errcheck // it may have ended
	start := []string{"start", "--config", "run.yaml", "--insecure"}
	for _, id := range []string{"node-1", "worker-1", "worker-2"} {
		if out := b.run(t, start...); !strings.Contains(out, id) {
			t.Fatalf("%s was not started:\n%s", id, out)
		}
	}
	if again := b.run(t, start...); strings.Count(again, "runs already") != 3 {
		t.Errorf("a second start says:\n%s", again)
	}
	log := filepath.Join(machines, "h2/weir/worker-2.log")
	await(t, "a round of worker-2 is committed", func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), "committed")
	})
	if out := b.run(t, "stop"); strings.Count(out, "has ended") != 3 {
		t.Errorf("stop says:\n%s", out)
	}
	if out := b.run(t, "status"); strings.Count(out, "does not run") != 3 {
		t.Errorf("status says:\n%s", out)
	}
	b.run(t, "collect")
	for _, name := range []string{"node-1.log", "worker-1.log", "worker-2.log", "state/node-1/run/config.yaml"} {
		if _, err := os.Stat(filepath.Join(b.dir, "collected", name)); err != nil {
			t.Error(err)
		}
	}
}
