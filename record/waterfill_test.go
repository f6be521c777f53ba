package record

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/config"
	"weir/problem/certificate"
	"weir/problem/waterfill"
)

// Two clients, the second slow. A cycle ends when both have an update in the model that was made since the last ended:
// the second's of t = 1 does not count for the cycle that began at 3, when its next one was still to be assigned.
func TestCyclesOfAnAsynchronousRun(t *testing.T) {
	l := &Loaded{Summary: Summary{Clients: 2}}
	for version, at := range []float64{0, 1, 2, 3, 4, 5, 7, 9} {
		l.Commits = append(l.Commits, VersionRow{Version: uint64(version), Time: at})
	}
	for _, u := range []struct {
		client   int
		assigned float64
		version  uint64
	}{
		{0, 0, 1}, {0, 1, 2}, {1, 0, 3}, // cycle 1 ends at 3
		{0, 2, 4},            // made before 3
		{1, 3, 5}, {0, 4, 0}, // the second was not committed
		{0, 5, 6}, // cycle 2 ends at 7
		{1, 5, 7}, // made before 7
	} {
		l.Updates = append(l.Updates, UpdateRow{Client: u.client, Assigned: u.assigned, Version: u.version})
	}
	if got, want := l.cycles(), []float64{3, 7}; !slices.Equal(got, want) {
		t.Errorf("cycles end at %v, want %v", got, want)
	}
	c := &certificate.Certificate{Certified: true, Rate: .5}
	exact := "problem: {measured: 1}\ncompress: {kind: identity}\nstaleness: {kind: constant}\naggregate: {kind: fedfix}\nouter: {lr: 1}\n"
	set := func(yaml string) {
		var err error
		if l.settings, err = config.Flatten([]byte(yaml)); err != nil {
			t.Fatal(err)
		}
	}
	set(exact)
	if s := l.certifiedApproach(c, 8); !slices.Equal(s.X, []float64{0, 3, 3, 7, 7}) || !slices.Equal(s.Y, []float64{8, 8, 4, 4, 2}) {
		t.Errorf("the certificate allows %v at %v", s.Y, s.X)
	}
	for right, wrong := range map[string]string{"measured: 1": "measured: 0.5", "identity": "topk", "constant": "hinge", "{measured": "{noise: 0.1, measured"} {
		set(strings.Replace(exact, right, wrong, 1))
		if s := l.certifiedApproach(c, 8); s.X != nil {
			t.Errorf("with %s nothing is certified, but %v", wrong, s.Y)
		}
	}
}

func TestPageOfAPlay(t *testing.T) {
	g, err := waterfill.Generator{Kind: waterfill.Taps, Users: 4, Carriers: 8, Cross: .002, Seed: 1}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	opt := waterfill.DefaultOptions()
	opt.Schedule = waterfill.Async
	if opt.Certificate, err = certificate.Of(g.Lipschitz()); err != nil || !opt.Certificate.Certified {
		t.Fatalf("%+v, %v", opt.Certificate, err)
	}
	play := NewPlay("game", g, opt)
	opt.Observe = play.Add
	played, err := waterfill.Solve(context.Background(), g, opt)
	if err != nil {
		t.Fatal(err)
	}
	a := play.approach()
	for i, allowed := range a.certified.Y {
		least := a.bound[i] * (1 - opt.Certificate.Rate) / (1 + opt.Certificate.Rate) // of the distance, from the residuals
		if least > allowed+1e-12 {
			t.Errorf("iteration %v: at least %v from the equilibrium, certified to be within %v", a.at[i], least, allowed)
		}
	}
	if last := a.certified.Y[len(a.certified.Y)-1]; !(last < a.certified.Y[0]) || math.IsNaN(last) {
		t.Errorf("the certified line does not fall: %v", a.certified.Y)
	}
	dir := t.TempDir()
	if err := play.Write(dir, played, map[string]bool{"converged": played.Converged}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"It settled after", "How it came to rest", "certified beforehand", "Rates of the users", "User 3:", "Who disturbs whom", "4 users on 8 carriers",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
