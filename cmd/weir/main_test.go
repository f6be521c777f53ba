package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"weir": main})
}

// TestScripts drives the real binary; each file of testdata is one story.
func TestScripts(t *testing.T) {
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CONFIGS", configs)
			busy, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() { busy.Close() })
			env.Setenv("BUSY", port(busy))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  exitStatus,
			"waitfor": waitFor,
			"cluster": oneNode,
		},
	})
}

// exitStatus runs a command and wants the exit status that is its first argument: status 2 weir sim x.yaml.
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program [args...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// oneNode writes a cluster file of one node, of whose ports one is as it is told and the others are free:
// cluster FILE http 80.
func oneNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cluster FILE raft|nats|routes|http PORT")
	}
	text := "nodes: [{id: node-1, host: 127.0.0.1"
	for _, kind := range []string{"raft", "nats", "routes", "http"} {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		at := port(free)
		ts.Check(free.Close())
		if kind == args[1] {
			at = args[2]
		}
		text += ", " + kind + ": " + at
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text+"}]\nworkers: [{id: worker-1, clients: 0-3}]\n"), 0o666))
}

func port(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

// waitFor waits until a file is there.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	const hung = 2 * time.Minute // only a command that will never do it takes as long
	for began := time.Now(); time.Since(began) < hung; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s never came", args[0])
}
