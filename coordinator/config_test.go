package coordinator

import (
	"strings"
	"testing"
)

// A run that the log could not carry, or whose decoder memory would not fit, is refused before it begins.
func TestFits(t *testing.T) {
	for _, c := range []struct {
		set  string
		dim  int
		want string // of the fault; empty where it fits
	}{
		{"compress.kind=identity", 10_000_000, ""},
		{"compress.kind=identity", 100_000_000, "compress.kind"},
		{"compress={kind: topk, feedback: ec}", 100_000_000, ""},
		{"compress={kind: topk, feedback: econtrol, memory: per-client}", 1_000_000, ""},
		{"compress={kind: topk, feedback: econtrol, memory: per-client}", 100_000_000, "compress.budget"},
	} {
		cfg := Config{Run: load(t, small, c.set)}
		err := cfg.fits(c.dim, 4)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %d parameters: %v, want a fault of %q", c.set, c.dim, err, c.want)
		}
	}
}
