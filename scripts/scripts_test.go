// Package scripts tests what launches clusters: the shell scripts, the systemd units and the Kubernetes manifests.
package scripts

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the expected output anew")

// weir is the binary that the scripts launch.
var weir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "weir")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "weir")
	return path, exec.Command("go", "build", "-o", path, "../cmd/weir").Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := weir(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := weir()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// bash is a script that runs in a folder of its own.
type bash struct {
	script string // absolute
	dir    string
	env    []string
}

func newBash(t *testing.T, script string, env ...string) bash {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here")
	}
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	return bash{path, t.TempDir(), append(os.Environ(), env...)}
}

func (b bash) command(args ...string) *exec.Cmd {
	c := exec.Command(b.script, args...)
	c.Dir, c.Env = b.dir, b.env
	return c
}

// run wants success and returns what was printed.
func (b bash) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := b.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// refuse wants exit status 2 and a complaint.
func (b bash) refuse(t *testing.T, complaint string, args ...string) {
	t.Helper()
	c := b.command(args...)
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), complaint) {
		t.Errorf("%s: exit status %d, want 2, and %q in:\n%s", strings.Join(args, " "), c.ProcessState.ExitCode(), complaint, out)
	}
}

func (b bash) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for began := time.Now(); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("waited two minutes until %s", what)
		}
	}
}

func TestScriptsAreClean(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("no shellcheck here")
	}
	if out, err := exec.Command("shellcheck", "cluster", "lab").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
