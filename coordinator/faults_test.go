package coordinator

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"weir/config"
)

// lossy is a run of quick clients in float64, that ends some time after everything has been made whole again.
func lossy(t *testing.T, sets ...string) config.Config {
	t.Helper()
	file, err := filepath.Abs("../simulate/testdata/lossy.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lossy.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	return load(t, `
seed: 5
problem: {kind: quadratic, file: `+file+`}
clients: {count: 20, concurrency: 8, speed: {kind: lognormal, sigma: 1, median: 1s}, link: {up: 10kbit, latency: 20ms}}
local: {lr: 0.1, steps: 2}
aggregate: {kind: fedbuff, size: 4}
staleness: {max: 20}
stop: {time: 60s}
`, sets...)
}

// hosted says which worker hosts which clients.
var hosted = map[string][]uint32{
	"worker-a": {0, 1, 2, 3, 4, 5, 6}, "worker-b": {7, 8, 9, 10, 11, 12, 13}, "worker-c": {14, 15, 16, 17, 18, 19},
}

// Nodes and workers are killed and stopped, the whole cluster is killed, the network comes apart, loses, doubles and
// delays messages. Then everything is whole again and the run comes to its end: nothing was lost, nothing was applied
// twice, all nodes hold the same, and the log leads there.
func TestNothingIsLostWhateverDies(t *testing.T) {
	for i, sets := range [][]string{
		{},
		{"compress={kind: topk, k: 3, values: int8, feedback: ec}", "aggregate={kind: fedasync}"},
		{"compress={kind: topk, k: 3, values: fp32, feedback: econtrol, eta: 0.1}", "aggregate={kind: fedfix, window: 1s}"},
		{"compress={kind: topk, k: 3, values: int4, feedback: econtrol}", "aggregate={kind: fedavg, deadline: 2s}"},
		{"compress={kind: sign, feedback: econtrol, eta: 0.05}"},
	} {
		t.Run(fmt.Sprint(sets), func(t *testing.T) {
			cfg := lossy(t, sets...)
			synctest.Test(t, func(t *testing.T) { survives(t, cfg, uint64(i)) })
		})
	}
}

func survives(t *testing.T, cfg config.Config, seed uint64) {
	l := newLab(t, cfg, 3)
	l.tune = func(c *Config) { c.snapshotAfter, c.trailing, c.segment = 20_000, 16, 8<<10 }
	b := keepBooks(l)
	c := &chaos{l: l, random: rand.New(rand.NewPCG(seed, 0)), hosted: hosted, crashes: map[string]int{}}
	l.begin(hosted)
	c.rage(45 * time.Second)
	l.end()
	s, all := b.replayed()
	b.balance(all, hosted)
	sum := b.alike(s)
	t.Logf("%v: %d versions, %+v", c.crashes, sum.Versions, sum.Updates)
	if sum.Updates.Committed < 50 {
		t.Errorf("hardly anything was done: %+v", sum.Updates)
	}
}
