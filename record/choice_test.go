package record

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// A person can see why a client was chosen: the components of its score, its probability, and who never took part.
func TestReportSaysWhyClientsWereChosen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Create(dir, []byte("name: a\nclients: {count: 3}\nselection: {kind: heteroselect}\n"))
	must(t, err)
	must(t, r.Version(VersionRow{TrainLoss: math.NaN()}))
	for i := range 4 {
		must(t, r.Update(UpdateRow{
			Client: i % 2, Seq: uint64(1 + i/2), Assigned: float64(i), Arrived: float64(i + 1), Verdict: "admitted", Version: uint64(i + 1), Weight: 1,
			Score: 0.4375, Probability: 0.3125, Components: [5]float64{1, 0.5, -0.25, 0.75, 0.125},
		}))
		must(t, r.Version(VersionRow{Version: uint64(i + 1), Time: float64(i + 1), Updates: 1, Weight: 1}))
	}
	must(t, r.Finish(Summary{
		Name: "a", Kind: "sim", Clients: 3, Versions: 4, StoppedBy: "versions", Updates: UpdateCounts{Sent: 4, Admitted: 4, Committed: 4},
		Bias: Bias{Gini: 1.0 / 3, Classes: []Class{{Name: "all clients", Clients: 3}}},
	}, nil, nil))
	loaded, err := Open(dir)
	must(t, err)
	var page strings.Builder
	must(t, Report(&page, []*Loaded{loaded}, nil))
	for _, want := range []string{
		"selection.kind heteroselect", "Gini coefficient 0.333", "Never took part: 1", "client 1", "0.438", "0.312", "-0.25", "diversity",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
