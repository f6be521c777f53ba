package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A log is found wherever a run leaves one, or a person has put it.
func TestReplayFindsTheLog(t *testing.T) {
	for name, test := range map[string]struct {
		files []string
		run   string
		logs  []string
	}{
		"weir up":         {[]string{"config.yaml", "ledger/node-1/0", "ledger/node-2/0"}, ".", []string{"ledger/node-1", "ledger/node-2"}},
		"weir up, halted": {[]string{"config.yaml", "nodes/node-1/ledger/0", "nodes/node-1/run/config.yaml"}, ".", []string{"nodes/node-1/ledger"}},
		"a node":          {[]string{"run/config.yaml", "ledger/0"}, "run", []string{"ledger"}},
		"collected":       {[]string{"state/a/run/config.yaml", "state/b/run/config.yaml", "state/b/ledger/0"}, "state/a/run", []string{"state/b/ledger"}},
		"not recorded":    {files: []string{"config.yaml"}},
	} {
		dir := filepath.Join(t.TempDir(), "a[1]") // no pattern
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, f := range test.files {
			path := filepath.Join(dir, f)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		run, logs, err := (&replayCmd{Dir: dir}).find()
		if (err != nil) != (test.run == "") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var want []string
		for _, l := range test.logs {
			want = append(want, filepath.Join(dir, l))
		}
		if diff := cmp.Diff(want, logs); diff != "" || err == nil && run != filepath.Join(dir, test.run) {
			t.Errorf("%s: run in %s, logs -want +got\n%s", name, run, diff)
		}
	}
}
