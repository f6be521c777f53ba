package coordinator

import (
	"path/filepath"
	"testing"
	"testing/synctest"

	"weir/record"
)

// What selection goes by comes from the workers: every node's record says by what each client was chosen, with cosines
// among it, and updates are as dense as the ledger wanted them.
func TestClusterChoosesByScore(t *testing.T) {
	cfg := load(
		t, small, "selection={kind: heteroselect, adapt_density: true}", "aggregate={kind: fedavg, weights: score}", "stop.versions=20",
		"compress={kind: topk, density: 0.5, values: fp32, feedback: ec}",
	)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, cfg, 3)
		for _, id := range l.ids {
			l.startNode(id)
		}
		l.startWorker("worker-1", 0, 1, 2)
		l.startWorker("worker-2", 3, 4, 5)
		l.end()
		var rows [][]record.UpdateRow
		for _, id := range l.ids {
			r, err := record.Open(filepath.Join(l.dir, id, "run"))
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r.Updates)
		}
		measured, early, late := 0, 0, 0
		for i, u := range rows[0] {
			if u.Components != rows[1][i].Components || u.Score != rows[2][i].Score || u.Probability != rows[2][i].Probability {
				t.Fatalf("update %d: node-1 has %+v, node-2 %+v, node-3 %+v", i, u, rows[1][i], rows[2][i])
			}
			if u.Probability <= 0 || u.Probability > 1 || u.Density <= 0 {
				t.Fatalf("update %d: %+v", i, u)
			}
			if u.Components[1] != 0.5 {
				measured++
			}
			if i < len(rows[0])/2 {
				early += u.BytesUp
			} else {
				late += u.BytesUp
			}
		}
		if measured < len(rows[0])/2 {
			t.Errorf("the cosine is known of %d of %d", measured, len(rows[0]))
		}
		if late >= early {
			t.Errorf("densities fall, but updates had %d bytes, then %d", early, late)
		}
	})
}
