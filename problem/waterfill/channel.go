package waterfill

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Generator draws a channel at random. Direct gains have the mean 1, noise is 0.1, and every user has a budget of 1 a
// carrier.
type Generator struct {
	Kind            string
	Users, Carriers int
	Cross           float64 // rayleigh, taps: mean gain from a transmitter that is heard to another's receiver
	Neighbours      int     // transmitters that a receiver hears, those next to it; 0 is all others
	Seed            uint64
}

// The kinds of channel.
const (
	Rayleigh = "rayleigh" // every gain of every carrier fades by itself: exponentially distributed
	Cells    = "cells"    // a square of cells: gains fall with distance, and fade as in rayleigh
	Taps     = "taps"     // echoes: gains are the squared Fourier transform of a few random taps, so they vary smoothly
)

// GeneratorKinds are the names that Generator.Kind may have.
func GeneratorKinds() []string { return []string{Rayleigh, Cells, Taps} }

const (
	drawnNoise       = 0.1
	pathLossExponent = 3.7 // urban macro cells
	echoes           = 8   // taps of a channel
	echoDecay        = 3.0 // taps after which their power has fallen to 1/e
)

// Draw returns a game on a channel of that kind; the same generator draws the same one.
func (c Generator) Draw() (*Game, error) {
	if !slices.Contains(GeneratorKinds(), c.Kind) {
		return nil, fmt.Errorf("%q: must be one of %s", c.Kind, strings.Join(GeneratorKinds(), ", "))
	}
	if c.Users < 1 || c.Carriers < 1 || c.Users > maxSize/max(c.Carriers, 1) {
		return nil, fmt.Errorf("%d users on %d carriers: must be at least 1 each, and %d powers at most", c.Users, c.Carriers, maxSize)
	}
	if err := number(c.Cross); err != nil {
		return nil, fmt.Errorf("cross gain %w", err)
	}
	if c.Neighbours < 0 || c.Neighbours >= c.Users && c.Neighbours > 0 {
		return nil, fmt.Errorf("%d neighbours: must be between 0, for all others, and %d", c.Neighbours, c.Users-1)
	}
	channel := Channel{Users: c.Users, Carriers: c.Carriers, Gain: c.gain()}
	for range c.Users {
		channel.Noise = append(channel.Noise, slices.Repeat([]float64{drawnNoise}, c.Carriers))
		channel.Budget = append(channel.Budget, float64(c.Carriers))
	}
	return New(channel)
}

// gain returns the function that draws a pair's gains, from a source of its own.
func (c Generator) gain() func(receiver, transmitter int) []float64 {
	level := func(receiver, transmitter int) float64 {
		if receiver == transmitter {
			return 1
		}
		return c.Cross
	}
	fade := fading
	switch c.Kind {
	case Cells:
		level = c.pathLoss()
	case Taps:
		fade = selective
	}
	return func(receiver, transmitter int) []float64 {
		if c.Neighbours > 0 && c.apart(receiver, transmitter) > c.Neighbours {
			return nil
		}
		source := rand.New(rand.NewPCG(c.Seed, uint64(receiver)*uint64(c.Users)+uint64(transmitter)))
		gain := make([]float64, c.Carriers)
		fade(gain, source)
		by := level(receiver, transmitter)
		for k := range gain {
			gain[k] *= by
		}
		return gain
	}
}

// apart numbers the others by how near they are to a receiver on a ring of users: 1 and 2 are its neighbours.
func (c Generator) apart(receiver, transmitter int) int {
	ahead := (transmitter - receiver + c.Users) % c.Users
	return min(2*ahead-1, 2*(c.Users-ahead))
}

// fading draws Rayleigh fading: every carrier's gain is exponentially distributed with mean 1.
func fading(gain []float64, r *rand.Rand) {
	for k := range gain {
		gain[k] = r.ExpFloat64()
	}
}

// selective draws a frequency-selective channel: complex Gaussian taps whose mean power decays, through an FFT.
func selective(gain []float64, r *rand.Rand) {
	taps := make([]complex128, len(gain))
	power := 0.0
	for l := range min(echoes, len(taps)) {
		power += math.Exp(-float64(l) / echoDecay)
	}
	for l := range min(echoes, len(taps)) {
		size := math.Sqrt(math.Exp(-float64(l)/echoDecay) / power / 2)
		taps[l] = complex(size*r.NormFloat64(), size*r.NormFloat64())
	}
	for k, h := range fourier.NewCmplxFFT(len(taps)).Coefficients(nil, taps) {
		size := cmplx.Abs(h)
		gain[k] = max(size*size, 1e-12) // a perfect notch is no direct gain
	}
}

// pathLoss places a transmitter in the middle of every cell of a square grid, and its receiver somewhere in the cell's
// middle. Levels are distances to the power of -3.7, relative to each receiver's own.
func (c Generator) pathLoss() func(receiver, transmitter int) float64 {
	side := int(math.Ceil(math.Sqrt(float64(c.Users))))
	r := rand.New(rand.NewPCG(c.Seed, math.MaxUint64))
	centre, place := make([]complex128, c.Users), make([]complex128, c.Users)
	for q := range c.Users {
		centre[q] = complex(float64(q%side), float64(q/side))
		place[q] = centre[q] + cmplx.Rect(0.05+0.3*math.Sqrt(r.Float64()), 2*math.Pi*r.Float64())
	}
	return func(receiver, transmitter int) float64 {
		far, near := cmplx.Abs(place[receiver]-centre[transmitter]), cmplx.Abs(place[receiver]-centre[receiver])
		return math.Pow(far/near, -pathLossExponent)
	}
}
