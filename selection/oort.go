package selection

import (
	"math"
	"math/rand/v2"
	"slices"

	"weir/portable"
)

// oort prefers clients of high statistical utility that are not slow, and keeps a share for those never heard (Lai et
// al., OSDI 2021, algorithm 1). O(n).
type oort struct {
	penalty   float64
	blacklist uint64

	heard, fresh  []int // places among the free clients
	facts         []facts
	scores        []float64
	chances, work []float64
	urn           urn
	picked        picked
	choices       []Choice
}

// facts are what a utility is made of, of a client that was heard.
type facts struct{ reward, duration, last float64 }

// cutOff: whoever has this share of the last chosen one's utility may be drawn in its place.
const cutOff = 0.95

func (o *oort) Choose(s Situation, free []uint32, m int, random *rand.Rand) []Choice {
	m = min(m, len(free))
	o.choices = o.choices[:0]
	o.picked.none(len(free))
	o.sort(s, free, m)
	o.score(s)
	fresh := min(rounded(float64(exploration(s.Round)*float64(m)), random), len(o.fresh), m)
	exploit := min(m-fresh, len(o.heard))
	fresh = m - exploit
	o.exploit(exploit, random)
	o.explore(s, free, fresh, random)
	o.picked.toEnd(free)
	return o.choices
}

// exploration is the share of clients that are chosen among those never heard: .9 * .98^t, but at least .3.
func exploration(round uint64) float64 {
	share := 0.9
	for range min(round, 60) { // .9 * .98^55 is below .3
		share = float64(share * 0.98)
	}
	return max(share, 0.3)
}

// rounded is x rounded up or down by chance, so that its mean is x.
func rounded(x float64, random *rand.Rand) int {
	whole := math.Floor(x)
	if random.Float64() < x-whole {
		whole++
	}
	return int(whole)
}

// sort parts the free clients into those that were heard and those that were not. Clients on the blacklist stand back,
// unless fewer than m were left without them.
func (o *oort) sort(s Situation, free []uint32, m int) {
	listed := func(c *Client) bool { return o.blacklist > 0 && c.Chosen > o.blacklist }
	others := 0
	for _, id := range free {
		if !listed(&s.Clients[id]) {
			others++
		}
	}
	o.heard, o.fresh, o.facts = o.heard[:0], o.fresh[:0], o.facts[:0]
	for at, id := range free {
		switch c := &s.Clients[id]; {
		case others >= m && listed(c):
		case finite(c.Reward()):
			o.heard = append(o.heard, at)
			o.facts = append(o.facts, facts{c.Reward(), c.Duration, float64(max(c.Last, 1))})
		default:
			o.fresh = append(o.fresh, at)
		}
	}
}

// score fills in the utilities of the clients that were heard:
//
//	(min(reward, .9 quantile) - .999 min)/(.9 quantile - .999 min) + sqrt(.1 ln t / last)
//
// times (preferred/duration)^penalty for those slower than preferred.
func (o *oort) score(s Situation) {
	n := len(o.heard)
	o.scores = slices.Grow(o.scores[:0], n)[:n]
	if n == 0 {
		return
	}
	o.work = o.work[:0]
	for i := range o.facts {
		o.work = append(o.work, o.facts[i].reward)
	}
	low := slices.Min(o.work)
	high := kth(o.work, min(int(0.9*float64(n)), n-1))
	low = float64(0.999 * low)
	span := max(high-low, 1e-4)
	preferred := o.preferred(s.Pace)
	explore := float64(0.1 * portable.Log(float64(max(s.Round, 1))))
	for i := range o.facts {
		f := &o.facts[i]
		score := (min(f.reward, high)-low)/span + math.Sqrt(explore/f.last)
		if f.duration > preferred {
			score = float64(score * portable.Pow(preferred/f.duration, o.penalty))
		}
		o.scores[i] = score
	}
}

// preferred is the duration past which clients are penalised: the pacer's percentile of those heard.
func (o *oort) preferred(p Pace) float64 {
	o.work = o.work[:0]
	for i := range o.facts {
		if d := o.facts[i].duration; finite(d) {
			o.work = append(o.work, d)
		}
	}
	n := len(o.work)
	share := p.Share()
	if n == 0 || share >= 1 {
		return math.Inf(1)
	}
	return kth(o.work, min(int(share*float64(n)), n-1))
}

// exploit draws m of the clients that were heard by their utility, out of the m best and those nearly as good.
func (o *oort) exploit(m int, random *rand.Rand) {
	if m == 0 {
		return
	}
	o.work = append(o.work[:0], o.scores...)
	bound := float64(cutOff * kth(o.work, len(o.work)-m))
	o.chances = slices.Grow(o.chances[:0], len(o.scores))[:len(o.scores)]
	for i, score := range o.scores {
		o.chances[i] = 0
		if score >= bound {
			o.chances[i] = score
		}
	}
	o.urn.fill(o.chances)
	for range m {
		if !(o.urn.total() > 0) {
			o.fill(m)
			return
		}
		at := o.urn.draw(random)
		o.add(o.heard[at], o.scores[at])
	}
}

// fill takes the first clients that were heard, of whom none has any utility, until m are picked.
func (o *oort) fill(m int) {
	for i, at := range o.heard {
		if len(o.picked.places) == m {
			return
		}
		if !o.picked.taken[at] {
			o.add(at, o.scores[i])
		}
	}
}

// explore draws m of the clients never heard, by their expected speed where it is known of all of them.
func (o *oort) explore(s Situation, free []uint32, m int, random *rand.Rand) {
	if m == 0 {
		return
	}
	o.chances = o.chances[:0]
	for _, at := range o.fresh {
		speed := 1 / s.Clients[free[at]].Duration
		if !(speed > 0 && finite(speed)) {
			o.chances = o.chances[:0]
			break
		}
		o.chances = append(o.chances, speed)
	}
	for len(o.chances) < len(o.fresh) {
		o.chances = append(o.chances, 1)
	}
	o.urn.fill(o.chances)
	for range m {
		o.add(o.fresh[o.urn.draw(random)], 0)
	}
}

func (o *oort) add(place int, score float64) {
	o.picked.add(place)
	o.choices = append(o.choices, Choice{Score: score, Probability: Unknown(), Components: none()})
}

// Pace is Oort's pacer, a value of the ledger: which durations are preferred. When the utility that rounds bring
// no longer changes, it admits slower clients; when it jumps, only faster ones. (The released code's rule; the paper's
// algorithm only ever admits slower ones.)
type Pace struct {
	Percent     float64 // of the clients' durations that are preferred, less firstPercent
	Now, Before float64 // summed utility of the last paceRounds rounds and of those before them
	Rounds      uint64  // in Now
	Spans       uint64  // of paceRounds that are over
}

const (
	paceRounds   = 20
	paceStep     = 5
	firstPercent = 30
)

// Share of the clients whose durations are preferred.
func (p Pace) Share() float64 { return (firstPercent + p.Percent) / 100 }

// Next is the pace after a round whose clients' rewards had the given mean.
func (p Pace) Next(utility float64) Pace {
	if !finite(utility) {
		return p
	}
	p.Now += utility
	p.Rounds++
	if p.Rounds < paceRounds {
		return p
	}
	change := max(p.Now-p.Before, p.Before-p.Now)
	switch {
	case p.Spans == 0: // nothing to compare with
	case change <= float64(0.1*p.Before):
		p.Percent = min(100-firstPercent, p.Percent+paceStep)
	case change >= float64(5*p.Before):
		p.Percent = max(paceStep-firstPercent, p.Percent-paceStep)
	}
	return Pace{Percent: p.Percent, Before: p.Now, Spans: p.Spans + 1}
}
