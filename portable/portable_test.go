package portable

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(got, want float64) bool {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return true
	}
	return math.Abs(got-want) <= 4e-15*math.Abs(want)
}

func TestAgreesWithMath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 700).Draw(t, "x")
		if got, want := Exp(x), math.Exp(x); !near(got, want) {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
		y := rapid.Float64Range(1e-300, 1e300).Draw(t, "y")
		if got, want := Log(y), math.Log(y); math.Abs(got-want) > 4e-15*math.Max(1, math.Abs(want)) {
			t.Errorf("Log(%v) = %v, want %v", y, got, want)
		}
		base := rapid.Float64Range(1, 1e4).Draw(t, "base")
		power := rapid.Float64Range(-3, 3).Draw(t, "power")
		if got, want := Pow(base, power), math.Pow(base, power); math.Abs(got-want) > 1e-13*want {
			t.Errorf("Pow(%v, %v) = %v, want %v", base, power, got, want)
		}
	})
}

func TestSpecialValues(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"exp 0", Exp(0), 1},
		{"exp inf", Exp(inf), inf},
		{"exp -inf", Exp(-inf), 0},
		{"exp large", Exp(1000), inf},
		{"exp tiny", Exp(-1000), 0},
		{"exp nan", Exp(math.NaN()), math.NaN()},
		{"log 1", Log(1), 0},
		{"log 0", Log(0), -inf},
		{"log -1", Log(-1), math.NaN()},
		{"log inf", Log(inf), inf},
		{"pow half is exact", Pow(4, -.5), .5},
		{"pow 0", Pow(7, 0), 1},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The digest is the same for GOAMD64=v1 and v3, on amd64 and arm64; it changes only with the functions themselves.
func TestEveryBuildGivesTheseBits(t *testing.T) {
	h := sha256.New()
	for i := range 10000 {
		x := float64(i)/97 - 50
		for _, v := range []float64{Exp(x), Log(x + 50.5), Pow(x+50.5, .3)} {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
			h.Write(b[:])
		}
	}
	const want = "cddaa13182dc838f"
	if got := hex.EncodeToString(h.Sum(nil))[:16]; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}
