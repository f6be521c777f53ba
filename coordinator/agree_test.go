package coordinator

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/record"
	"weir/simulate"
)

// exact is a run whose cycle times are fixed, so that a cluster has the simulator's order of arrival.
const exact = `
seed: 11
problem: {kind: learn, dataset: synthetic, model: {kind: logistic}, partition: {kind: dirichlet, alpha: 0.5}}
clients: {count: 6, concurrency: 4, durations: [0.31, 0.5, 0.71, 1.1, 1.3, 2.9]}
local: {lr: 0.1, batch: 64, epochs: 1}
stop: {versions: 20}
evaluate: {every: 3}
`

// measured by the machines' own clocks and networks: these columns differ between a simulator and a cluster.
var ofMachines = []string{"wall", "bytes_down", "started", "finished"}

// decisions are a record's rows without what is measured by machines.
func decisions(t *testing.T, text string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, row := range rows {
		for i, name := range rows[0] {
			if !slices.Contains(ofMachines, name) {
				fmt.Fprintf(&b, "%s ", row[i])
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// With fixed cycle times a cluster decides what the simulator decides, and makes the same models, also when its leader
// dies on the way.
func TestSimulatorAndClusterAgree(t *testing.T) {
	for _, sets := range [][]string{
		{"aggregate={kind: fedavg}"},
		{"aggregate={kind: fedavg, deadline: 1s}"},
		{"aggregate={kind: fedasync}"},
		{"aggregate={kind: fedbuff, size: 3}", "staleness={kind: polynomial}"},
		{"aggregate={kind: fedfix, window: 700ms}", "clients.concurrency=6"},
		{"aggregate={kind: fedbuff, size: 2}", "compress={kind: topk, density: 0.1, values: int8, feedback: ec}"},
		{"aggregate={kind: fedfix, window: 1s}", "compress={kind: topk, density: 0.05, values: fp32, feedback: econtrol}"},
		{"aggregate={kind: fedbuff, size: 2}", "stop={versions: 60, target: {metric: test_accuracy, value: 0.6}}"},
	} {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprint(sets, " crash ", crash), func(t *testing.T) {
				cfg := load(t, exact, sets...)
				dir := t.TempDir() + "/sim"
				rec, err := record.Create(dir, cfg.YAML())
				if err != nil {
					t.Fatal(err)
				}
				result, err := simulate.Run(context.Background(), cfg, simulate.Options{Rows: rec})
				if err != nil {
					t.Fatal(err)
				}
				if err := rec.Close(); err != nil {
					t.Fatal(err)
				}
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, cfg, 3)
					l.begin(map[string][]uint32{"worker-a": {0, 1, 2}, "worker-b": {3, 4, 5}})
					if crash {
						for _, id := range l.ids { // each leads sometime: whoever leads now is among them
							time.Sleep(700 * time.Millisecond)
							l.kill(id)
							time.Sleep(300 * time.Millisecond)
							l.startNode(id)
						}
					}
					l.end()
					agree(t, l, dir, result.Summary)
				})
			})
		}
	}
}

func agree(t *testing.T, l *lab, dir string, sim record.Summary) {
	t.Helper()
	for _, id := range l.ids {
		got := l.summary(id)
		if got.ModelDigest != sim.ModelDigest || got.Versions != sim.Versions || got.StoppedBy != sim.StoppedBy || got.Updates != sim.Updates {
			t.Errorf("%s: %d versions %.12s %s %+v, simulated %d versions %.12s %s %+v", id, got.Versions, got.ModelDigest, got.StoppedBy, got.Updates,
				sim.Versions, sim.ModelDigest, sim.StoppedBy, sim.Updates)
		}
		for _, file := range []string{"updates.csv", "versions.csv"} {
			cluster, simulated := decisions(t, l.file(id, file)), decisions(t, read(t, dir+"/"+file))
			if cluster != simulated {
				a, b := strings.Split(cluster, "\n"), strings.Split(simulated, "\n")
				for i := range min(len(a), len(b)) {
					if a[i] != b[i] {
						t.Errorf("%s of %s, row %d: %s\nsimulated: %s\n%s", file, id, i, a[i], b[i], a[0])
						break
					}
				}
				if len(a) != len(b) {
					t.Errorf("%s of %s: %d rows, simulated %d", file, id, len(a), len(b))
				}
			}
		}
	}
}
