package dataset

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenSaysWhatWouldBeRight(t *testing.T) {
	for name, want := range map[string]string{
		"fashion-mnst": "must be synthetic, a9a, fashion-mnist, mnist, shakespeare, w8a, or idx:DIR, libsvm:FILE or text:FILE",
		"csv:x":        `"csv" is no form of a data set: must be idx:DIR, libsvm:FILE or text:FILE`,
		"w8a": "neither nowhere/w8a/w8a nor nowhere/w8a/w8a.gz is there; get it with: weir data get w8a " +
			"(or say where data sets lie: --data DIR or WEIR_DATA)",
	} {
		if _, err := Open(name, Options{Folder: "nowhere"}); err == nil || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", name, err, want)
		}
	}
}

func TestSyntheticIsDrawnFromTheSeed(t *testing.T) {
	x, y := make([]float32, syntheticFeatures), make([]float32, syntheticFeatures)
	first, same, other := synthetic(1), synthetic(1), synthetic(2)
	first.Test.Read(x, 5)
	if same.Test.Read(y, 5); x[0] != y[0] {
		t.Error("the same seed draws another sample")
	}
	if other.Test.Read(y, 5); x[0] == y[0] {
		t.Error("another seed draws the same sample")
	}
}

// The nearest of all modes says the class about as well as anything can.
func TestSyntheticClassesOverlapALittle(t *testing.T) {
	random := rand.New(rand.NewPCG(3, syntheticStream))
	centres := drawCentres(random)
	samples := drawSamples(centres, 2000, random)
	x := make([]float32, syntheticFeatures)
	right := 0
	for i := range samples.Len() {
		samples.Read(x, i)
		best, least := 0, float32(1e9)
		for mode := range syntheticClasses * syntheticModes {
			d := float32(0)
			for j, c := range centres[mode*syntheticFeatures:][:syntheticFeatures] {
				d += (x[j] - c) * (x[j] - c)
			}
			if d < least {
				best, least = mode/syntheticModes, d
			}
		}
		if best == samples.Label(i) {
			right++
		}
	}
	if share := float64(right) / float64(samples.Len()); share < .93 || share > .99 {
		t.Errorf("the nearest mode is right for %.3f of the samples", share)
	}
}

// The real sets have the shapes that their publishers give.
func TestRealSets(t *testing.T) {
	dir := os.Getenv("WEIR_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	for _, want := range []struct {
		name                                   string
		features, classes, train, test, owners int
	}{
		{"fashion-mnist", 784, 10, 60000, 10000, 0},
		{"mnist", 784, 10, 60000, 10000, 0},
		{"a9a", 123, 2, 32561, 16281, 0},
		{"w8a", 300, 2, 49749, 0, 0},
		{"shakespeare", 16, 65, 925324, 102653, 141},
	} {
		t.Run(want.name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(dir, want.name)); err != nil {
				t.Skipf("needs %s in %s (set WEIR_DATA to where data sets lie)", want.name, dir)
			}
			set, err := Open(want.name, Options{Folder: dir, Context: 16})
			if err != nil {
				t.Fatal(err)
			}
			got := want
			got.features, got.classes, got.train, got.test, got.owners = set.Features, set.Classes, set.Train.Len(), 0, len(set.Owners)
			if set.Test != nil {
				got.test = set.Test.Len()
			}
			if got != want || strings.Contains(set.Name, ":") {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
