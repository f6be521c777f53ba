package waterfill

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Game is a channel with its users. Gains and noise are kept divided by the direct gain, as every formula wants them.
//
// A joint power vector has Users*Carriers entries, user after user; Block is one user's part.
type Game struct {
	Users, Carriers int

	direct [][]float64 // G_qq(k)
	noise  [][]float64 // noise_q(k)/G_qq(k)
	hears  [][]link    // by receiver, in the order of transmitters
	budget []float64
	mask   [][]float64 // by user; a nil row is no bound
	start  [][]float64 // nil: every user spreads its budget evenly
}

// link is a transmitter that a receiver hears: gain is G_qr(k)/G_qq(k).
type link struct {
	from int
	gain []float64
}

// Channel is what a game is made of.
type Channel struct {
	Users, Carriers int
	// Gain returns the power gains of all carriers from a transmitter to a receiver, or nil if it is not heard. The
	// game keeps what it returns.
	Gain   func(receiver, transmitter int) []float64
	Noise  [][]float64 // [user][carrier]
	Budget []float64   // [user]
	Mask   [][]float64 // [user][carrier], nil for none; a nil row, or +Inf, is no bound
	Start  [][]float64 // [user][carrier], nil for even powers
}

// maxSize bounds users*carriers.
const maxSize = 1 << 28

// New returns the game on a channel, or an error that names the entry at fault, as gain[0][1][2].
func New(c Channel) (*Game, error) {
	q, k := c.Users, c.Carriers
	if q < 1 {
		return nil, errors.New("gain: has no users: must be [Q][Q][K] with Q at least 1")
	}
	if k < 1 {
		return nil, errors.New("gain[0][0]: has no carriers: must be [Q][Q][K] with K at least 1")
	}
	if q > maxSize/k {
		return nil, fmt.Errorf("gain: %d users on %d carriers: at most %d powers are possible", q, k, maxSize)
	}
	g := &Game{Users: q, Carriers: k, budget: c.Budget}
	if err := g.addNoise(c); err != nil {
		return nil, err
	}
	if err := g.addBudgets(c); err != nil {
		return nil, err
	}
	for receiver := range q {
		if err := g.addReceiver(c, receiver); err != nil {
			return nil, err
		}
	}
	return g, g.addStart(c)
}

// number says what is wrong with one entry of a row, if anything is.
func number(v float64) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("%v: must be a finite number", v)
	case v < 0:
		return fmt.Errorf("%v: must not be negative", v)
	}
	return nil
}

func (g *Game) addReceiver(c Channel, q int) error {
	direct := c.Gain(q, q)
	if direct == nil {
		return fmt.Errorf("gain[%d][%d]: is missing: every receiver must hear its own transmitter", q, q)
	}
	if err := g.row(direct, "gain[%d][%d]", q, q); err != nil {
		return err
	}
	for k, v := range direct {
		if v == 0 {
			return fmt.Errorf("gain[%d][%d][%d]: 0: the direct gain must be above 0 (a carrier that user %d cannot use has mask 0)", q, q, k, q)
		}
		g.noise[q][k] /= v
		if math.IsInf(g.noise[q][k], 0) {
			return fmt.Errorf("gain[%d][%d][%d]: %v: is too small to divide the noise by", q, q, k, v)
		}
	}
	g.direct = append(g.direct, direct)
	var hears []link
	for r := range g.Users {
		if r == q {
			continue
		}
		gain := c.Gain(q, r)
		if gain == nil {
			continue
		}
		if err := g.row(gain, "gain[%d][%d]", q, r); err != nil {
			return err
		}
		heard := false
		for k := range gain {
			gain[k] /= direct[k]
			if math.IsInf(gain[k], 0) {
				return fmt.Errorf("gain[%d][%d][%d]: %v: is too small beside gain[%d][%d][%d]", q, q, k, direct[k], q, r, k)
			}
			heard = heard || gain[k] > 0
		}
		if heard {
			hears = append(hears, link{r, gain})
		}
	}
	g.hears = append(g.hears, hears)
	return nil
}

// row checks one row of carriers; what it is called is worked out only for a complaint.
func (g *Game) row(row []float64, name string, at ...any) error {
	if len(row) != g.Carriers {
		return fmt.Errorf(name+": has %d carriers, not %d as gain[0][0]", append(at, len(row), g.Carriers)...)
	}
	for k, v := range row {
		if err := number(v); err != nil {
			return fmt.Errorf(name+"[%d]: %w", append(at, k, err)...)
		}
	}
	return nil
}

func (g *Game) addNoise(c Channel) error {
	if len(c.Noise) != g.Users {
		return fmt.Errorf("noise: has %d users, not %d as gain", len(c.Noise), g.Users)
	}
	for q, row := range c.Noise {
		if err := g.row(row, "noise[%d]", q); err != nil {
			return err
		}
		for k, v := range row {
			if v == 0 {
				return fmt.Errorf("noise[%d][%d]: 0: must be above 0, or the rate has no bound", q, k)
			}
		}
		g.noise = append(g.noise, append([]float64(nil), row...))
	}
	return nil
}

func (g *Game) addBudgets(c Channel) error {
	if len(c.Budget) != g.Users {
		return fmt.Errorf("budget: has %d users, not %d as gain", len(c.Budget), g.Users)
	}
	for q, v := range c.Budget {
		if err := number(v); err != nil {
			return fmt.Errorf("budget[%d]: %w", q, err)
		}
	}
	if c.Mask == nil {
		g.mask = make([][]float64, g.Users)
		return nil
	}
	if len(c.Mask) != g.Users {
		return fmt.Errorf("mask: has %d users, not %d as gain", len(c.Mask), g.Users)
	}
	for q, row := range c.Mask {
		bounded, err := g.checkMask(q, row)
		if err != nil {
			return err
		}
		if !bounded {
			row = nil
		}
		g.mask = append(g.mask, row)
	}
	return nil
}

// checkMask checks a user's mask and reports whether it bounds anything.
func (g *Game) checkMask(q int, row []float64) (bounded bool, err error) {
	if row == nil {
		return false, nil
	}
	if len(row) != g.Carriers {
		return false, fmt.Errorf("mask[%d]: has %d carriers, not %d as gain[0][0]", q, len(row), g.Carriers)
	}
	for k, v := range row {
		if !math.IsInf(v, 1) {
			bounded = true
			if err := number(v); err != nil {
				return false, fmt.Errorf("mask[%d][%d]: %w (null is no bound)", q, k, err)
			}
		}
	}
	return bounded, nil
}

func (g *Game) addStart(c Channel) error {
	if c.Start == nil {
		return nil
	}
	const slack = 1 + 1e-9 // of what is added up elsewhere
	if len(c.Start) != g.Users {
		return fmt.Errorf("start: has %d users, not %d as gain", len(c.Start), g.Users)
	}
	for q, row := range c.Start {
		if err := g.row(row, "start[%d]", q); err != nil {
			return err
		}
		if sum := total(row); sum > g.budget[q]*slack {
			return fmt.Errorf("start[%d]: sums to %v: must not be above budget[%d], which is %v", q, sum, q, g.budget[q])
		}
		for k, v := range row {
			if mask := g.mask[q]; mask != nil && v > mask[k]*slack {
				return fmt.Errorf("start[%d][%d]: %v: must not be above mask[%d][%d], which is %v", q, k, v, q, k, mask[k])
			}
		}
	}
	g.start = c.Start
	return nil
}

// Saturated lists the users whose masks hold no more than their budgets: they send at the mask whatever they hear.
func (g *Game) Saturated() []int {
	var users []int
	for q, mask := range g.mask {
		if mask != nil && total(mask) <= g.budget[q] {
			users = append(users, q)
		}
	}
	return users
}

// Start returns the powers that play begins with: those of the channel, else every user's budget spread evenly as far
// as its mask allows.
func (g *Game) Start() []float64 {
	p := make([]float64, g.Users*g.Carriers)
	var f Filler
	flat := make([]float64, g.Carriers)
	for q := range g.Users {
		if g.start != nil {
			copy(g.Block(p, q), g.start[q])
		} else {
			f.Fill(g.Block(p, q), flat, g.mask[q], g.budget[q])
		}
	}
	return p
}

// Block is user q's part of a joint power vector.
func (g *Game) Block(p []float64, q int) []float64 { return p[q*g.Carriers : (q+1)*g.Carriers] }

// Budget is user q's.
func (g *Game) Budget(q int) float64 { return g.budget[q] }

// INSR writes what user q measures while the others send p: noise and interference over its own gain.
func (g *Game) INSR(q int, p, insr []float64) {
	g.measure(q, insr, func(r int) []float64 { return g.Block(p, r) })
}

// measure is INSR where each transmitter's powers are those that sent returns.
func (g *Game) measure(q int, insr []float64, sent func(r int) []float64) {
	copy(insr, g.noise[q])
	hears := g.hears[q]
	for ; len(hears) >= 2; hears = hears[2:] { // two at a time, so that insr is read and written half as often
		p, gain := sent(hears[0].from)[:len(insr)], hears[0].gain[:len(insr)]
		p2, gain2 := sent(hears[1].from)[:len(insr)], hears[1].gain[:len(insr)]
		for k := range insr {
			insr[k] += gain[k]*p[k] + gain2[k]*p2[k]
		}
	}
	if len(hears) == 1 {
		p, gain := sent(hears[0].from)[:len(insr)], hears[0].gain[:len(insr)]
		for k := range insr {
			insr[k] += gain[k] * p[k]
		}
	}
}

// Rate is user q's rate in bits a channel use, given its powers and its INSR.
func Rate(p, insr []float64) float64 {
	sum := 0.0
	for k, v := range p {
		sum += math.Log1p(max(v, 0) / insr[k])
	}
	return sum / math.Ln2
}

// Lipschitz is the matrix S of the best responses: S_qr = max_k G_qr(k)/G_qq(k), 0 on the diagonal.
func (g *Game) Lipschitz() *mat.Dense {
	s := mat.NewDense(g.Users, g.Users, nil)
	for q, hears := range g.hears {
		for _, l := range hears {
			largest := 0.0
			for _, v := range l.gain {
				largest = max(largest, v)
			}
			s.Set(q, l.from, largest)
		}
	}
	return s
}
