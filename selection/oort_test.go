package selection

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestExplorationFallsToThreeTenths(t *testing.T) {
	for round, want := range map[uint64]float64{0: .9, 1: .882, 10: .9 * math.Pow(.98, 10), 54: .9 * math.Pow(.98, 54), 55: .3, 1000: .3} {
		if got := exploration(round); math.Abs(got-want) > 1e-12 {
			t.Errorf("round %d: %v, want %v", round, got, want)
		}
	}
}

// heard are n clients of equal speed whose rewards rise with their number.
func heard(n int) []Client {
	clients := make([]Client, n)
	for i := range clients {
		clients[i] = Client{Samples: 1, RMS: 1 + float64(i), Loss: 1, Duration: 1, Chosen: 1, Last: 1, Cosine: Unknown()}
	}
	return clients
}

func TestOortSplitsIntoExploredAndNew(t *testing.T) {
	s := Situation{Round: 100, Clients: heard(40)}
	for i := 20; i < 40; i++ { // never heard
		s.Clients[i] = Client{Samples: 1, RMS: Unknown(), Loss: Unknown(), Duration: Unknown()}
	}
	selector, _ := New(Config{Kind: "oort", Penalty: 2})
	free := numbered(40)
	selector.Choose(s, free, 10, rand.New(rand.NewPCG(1, 0)))
	fresh := 0
	for _, id := range free[30:] {
		if id >= 20 {
			fresh++
		} else if id < 10 {
			t.Errorf("client %d was drawn, of the ten worst that were heard", id)
		}
	}
	if fresh != 3 {
		t.Errorf("%d of 10 are new, want 3", fresh)
	}
}

func TestSlowClientsArePenalised(t *testing.T) {
	s := Situation{Round: 5, Clients: heard(10)}
	for i := range s.Clients {
		s.Clients[i].RMS = 2
	}
	s.Clients[3].Duration = 4
	o := oort{penalty: 2}
	o.sort(s, numbered(10), 1)
	o.score(s)
	near(t, "utility of the slow one", o.scores[3:4], []float64{o.scores[0] / 16})
}

// A client past the blacklist stands back for others, but not when that leaves too few.
func TestBlacklist(t *testing.T) {
	choose := func(clients []Client, m int) []uint32 {
		selector, _ := New(Config{Kind: "oort", Penalty: 2, Blacklist: 5})
		free := numbered(len(clients))
		selector.Choose(Situation{Round: 90, Clients: clients}, free, m, rand.New(rand.NewPCG(1, 0)))
		return free[len(free)-m:]
	}
	clients := heard(6)
	for i := 3; i < 6; i++ {
		clients[i].Chosen = 6
	}
	for _, id := range choose(clients, 3) {
		if id >= 3 {
			t.Errorf("client %d is on the blacklist", id)
		}
	}
	for i := range clients {
		clients[i].Chosen = 6
	}
	if got := choose(clients, 3); len(got) != 3 {
		t.Errorf("with everybody on the list %v were chosen, want three", got)
	}
}

// The least utilities there can be: rewards of 0 in the first round, when chance has nothing to go by.
func TestOortOfClientsWithoutUtility(t *testing.T) {
	clients := heard(5)
	for i := range clients {
		clients[i].RMS = 0
	}
	selector, _ := New(Config{Kind: "oort", Penalty: 2})
	if got := selector.Choose(Situation{Round: 1, Clients: clients}, numbered(5), 4, rand.New(rand.NewPCG(1, 0))); len(got) != 4 {
		t.Errorf("chose %d, want 4", len(got))
	}
}

// The pacer admits slower clients while rounds bring what they brought before, and fewer when that jumps.
func TestPacer(t *testing.T) {
	spans := func(p Pace, utilities ...float64) Pace {
		for _, u := range utilities {
			for range paceRounds {
				p = p.Next(u)
			}
		}
		return p
	}
	for _, tt := range []struct {
		utilities []float64
		want      float64
	}{
		{nil, .3},
		{[]float64{1}, .3},
		{[]float64{1, 1}, .35},
		{[]float64{1, 1.05, 1.1}, .4},
		{[]float64{1, 2}, .3},
		{[]float64{1, 1, 7}, .3},
		{[]float64{1, 7, 50, 400, 3000, 20000, 150000, 1e6, 1e7}, .05},
		{[]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1},
		{[]float64{1, math.NaN(), 1}, .35}, // a round without utility is none
	} {
		if got := spans(Pace{}, tt.utilities...).Share(); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v: prefers the fastest %v, want %v", tt.utilities, got, tt.want)
		}
	}
}

func TestPowerOfChoiceKeepsTheLargestLosses(t *testing.T) {
	clients := heard(6)
	for i := range clients {
		clients[i].Loss = float64(i)
	}
	clients[2].Loss = Unknown() // tried before all others
	selector, _ := New(Config{Kind: "powerofchoice", Candidates: 6})
	free := numbered(6)
	selector.Choose(Situation{Round: 3, Clients: clients}, free, 3, rand.New(rand.NewPCG(1, 0)))
	if free[3] != 2 || free[4] != 5 || free[5] != 4 {
		t.Errorf("chose %v, want 2, 5, 4", free[3:])
	}
}
