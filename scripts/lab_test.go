package scripts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLab runs three nodes and two workers, each on a host of its own, unplugs a node, plugs it in again, and wants the
// same record of all.
func TestLab(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the lab wants root")
	}
	for _, program := range []string{"ip", "tc", "setsid"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the lab wants %s, of iproute2", program)
		}
	}
	if out, err := exec.Command("unshare", "--net", "ip", "link", "add", "name", "left", "type", "veth", "peer", "name", "right").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	b := newBash(t, "lab", "WEIR="+binary(t))
	lab := func(args ...string) string {
		t.Helper()
		return b.run(t, append([]string{"-n", "weirtest"}, args...)...)
	}
	b.write(t, "run.yaml", `
problem: {kind: none, dim: 1000}
clients: {count: 4, speed: {kind: fixed, median: 200ms}}
aggregate: {kind: fedavg}
stop: {versions: 40}
`)
	t.Cleanup(func() { b.command("-n", "weirtest", "down").Run() }) //nolint:errcheck // up may have failed
	lab("up", "--workers", "2", "--clients", "4")
	b.refuse(t, "is no host of weirtest", "-n", "weirtest", "cut", "node-4")
	lab("rate", "10mbit", "10mbit")
	run := b.command("-n", "weirtest", "run", "run.yaml", "--emulate", "--out", "out")
	var said bytes.Buffer
	run.Stdout, run.Stderr = &said, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	versions := func(node string) string {
		text, _ := os.ReadFile(filepath.Join(b.dir, "out/nodes", node, "run/versions.csv"))
		return string(text)
	}
	lines := func(node string) int { return strings.Count(versions(node), "\n") }
	await(t, "node-3 has five versions", func() bool { return lines("node-3") > 5 })
	lab("cut", "node-3")
	at := lines("node-2")
	await(t, "the others go on", func() bool { return lines("node-2") > at+3 })
	if behind := lines("node-3"); behind > at+2 {
		t.Errorf("node-3, unplugged, has %d lines of versions, and node-2 had %d when it was", behind, at)
	}
	lab("heal", "node-3")
	if err := run.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	for _, node := range []string{"node-2", "node-3"} {
		if versions(node) != versions("node-1") || lines(node) != 42 {
			t.Errorf("%s has another record than node-1", node)
		}
	}
	if _, err := os.Stat(filepath.Join(b.dir, "out/run/summary.json")); err != nil {
		t.Error(err)
	}
	lab("down")
	if _, err := os.Stat("/run/netns/weirtest-switch"); err == nil {
		t.Error("the lab has left a namespace behind")
	}
}

func TestLabRefuses(t *testing.T) {
	b := newBash(t, "lab")
	b.refuse(t, "usage: scripts/lab")
	b.refuse(t, "there is no command begin", "begin")
	b.refuse(t, "there is no lab lab", "cut", "node-1")
	b.refuse(t, "must be a number from 1 to 999", "up", "--nodes", "many")
	b.refuse(t, "must be at least one for each of the 3 workers", "up", "--workers", "3", "--clients", "2")
	b.refuse(t, "run wants a config", "run", "--emulate")
	if help := b.run(t, "--help"); !strings.Contains(help, "Example:") {
		t.Error("--help shows no example")
	}
}
