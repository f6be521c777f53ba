package compress

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/vec"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files in testdata")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Errorf("%s:%d: got\n%s\nwant\n%s", path, i+1, gotLines[i], wantLines[i])
			return
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%s: %d lines, want %d", path, len(gotLines), len(wantLines))
	}
}

// testVector has many magnitudes, zeros and repeated values; it is made without math functions, whose last bit may
// depend on the build.
func testVector[T vec.Float](n int, seed uint64) []T {
	x := make([]T, n)
	for i := range x {
		r := mix(seed<<32 + uint64(i))
		v := T(int64(r%2001)-1000) / T(uint64(1)<<(r>>32%16))
		x[i] = v
	}
	return x
}

// The same frames and the same decoded models come of every build: GOAMD64=v1 and v3, purego and assembly, amd64 and
// arm64. The digests below were not computed on the machine that runs this test.
func TestDigests(t *testing.T) {
	var out strings.Builder
	for _, feedback := range feedbacks {
		everyConfig(func(name string, set func(*Config)) {
			with := func(c *Config) { set(c); c.Feedback = feedback }
			fmt.Fprintf(&out, "%s %s float32 %s float64 %s\n", feedback, name, digest[float32](t, with), digest[float64](t, with))
		})
	}
	golden(t, "digests.txt", out.String())
}

// digest runs three updates and returns a digest of all frames, memories and the model.
func digest[T vec.Float](t *testing.T, set func(*Config)) string {
	c := codec[T](t, 70_001, set)
	enc, m, mirror, acc := c.NewEncoder(), c.NewMemory(0), c.NewMirror(), make([]T, c.Dim())
	sum := sha256.New()
	for seq := range uint64(3) {
		update, stats, err := enc.Encode(nil, ID{Client: 3, Seq: seq, Base: 1}, m, testVector[T](c.Dim(), seq))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(update)
		fmt.Fprint(sum, stats)
		for len(update) > 0 {
			f, rest, err := c.Parse(update)
			if err != nil {
				t.Fatal(err)
			}
			if c.Mirrored() {
				c.Advance(mirror, acc, 0.3, f)
			} else {
				c.Add(acc, 0.3, f)
			}
			update = rest
		}
	}
	sum.Write(m.Append(nil))
	sum.Write(vec.Append(nil, acc))
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
