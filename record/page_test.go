package record

import (
	"os"
	"path/filepath"
	"testing"
)

func open4(t testing.TB) []*Loaded {
	var runs []*Loaded
	for _, s := range []sample{
		{policy: "fedavg", versions: 100, bias: 0.1},
		{policy: "fedfix", versions: 260, bias: 0.1},
		{policy: "fedbuff", versions: 320, bias: 0.7},
		{policy: "fedasync", versions: 1500, bias: 0.8},
	} {
		l, err := Open(s.folder(t))
		must(t.(*testing.T), err)
		runs = append(runs, l)
	}
	return runs
}

func TestShots(t *testing.T) {
	out := os.Getenv("SHOTS")
	if out == "" {
		t.Skip()
	}
	runs := open4(t)
	target := &Target{"test_accuracy", 0.75}
	must(t, WriteReport(filepath.Join(out, "four.html"), runs, target))
	must(t, WriteReport(filepath.Join(out, "one.html"), runs[:1], nil))
	must(t, WriteReport(filepath.Join(out, "fix.html"), runs[1:2], target))
}
