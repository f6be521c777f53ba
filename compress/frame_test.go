package compress

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weir/vec"
)

// small is a codec of every kind over a handful of coordinates, and one update of it.
func everyFrame(t testing.TB, do func(name string, c *Codec[float32], frame []byte)) {
	everyConfig(func(name string, set func(*Config)) {
		c := codec[float32](t, 12, func(c *Config) { set(c); c.Density = 0.25 })
		g := []float32{0.5, -3, 0, 0.25, 8, -0.125, 0, 1, 2, -2, 0.0625, 4}
		frame, _, err := c.NewEncoder().Encode(nil, ID{Client: 1, Seq: 2, Base: 3}, nil, g)
		if err != nil {
			t.Fatal(err)
		}
		do(name, c, frame)
	})
}

// The frames in testdata/frames.txt are what is on the wire: what was written stays readable, and new frames are
// written the same. FORMAT.md explains them.
func TestGoldenFrames(t *testing.T) {
	var out strings.Builder
	everyFrame(t, func(name string, c *Codec[float32], frame []byte) {
		fmt.Fprintf(&out, "%s\n  header  %s\n  payload %s\n  values  %v\n", name,
			hex.EncodeToString(frame[:HeaderSize]), hex.EncodeToString(frame[HeaderSize:]), decode(t, c, frame))
	})
	golden(t, "frames.txt", out.String())
}

// resealed changes a frame with a valid checksum.
func resealed(frame []byte, change func(b []byte) []byte) []byte {
	b := change(slices.Clone(frame))
	binary.LittleEndian.PutUint32(b[4:], checksum(b))
	return b
}

func TestBadFramesAreRefused(t *testing.T) {
	c := codec[float32](t, 1000, func(c *Config) { c.Kind, c.Density, c.Values = "topk", 0.05, "int8" })
	good, _, err := c.NewEncoder().Encode(nil, ID{Client: 1, Seq: 2, Base: 3}, nil, gaussian[float32](1000, 1))
	if err != nil {
		t.Fatal(err)
	}
	put32 := func(at int, v uint32) []byte {
		return resealed(good, func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b })
	}
	put8 := func(at int, v byte) []byte {
		return resealed(good, func(b []byte) []byte { b[at] = v; return b })
	}
	last := len(good) - 1
	for _, tt := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"nothing", nil, ErrTruncated},
		{"half a header", good[:30], ErrTruncated},
		{"half a payload", good[:len(good)-5], ErrTruncated},
		{"a flipped bit", append(slices.Clone(good[:last]), good[last]^1), ErrChecksum},
		{"another version", put8(0, 2), ErrVersion},
		{"an unknown kind", put8(1, 77), ErrLayout},
		{"another kind", put8(1, byte(Dense)), ErrLayout},
		{"other values", put8(2, byte(Int4)), ErrLayout},
		{"other arithmetic", put8(3, 8), ErrLayout},
		{"a fragment too many", put32(32, 1), ErrLayout},
		{"another number of fragments", put32(36, 2), ErrLayout},
		{"another place", put32(40, 1000), ErrLayout},
		{"a length that lies", put32(48, 4_000_000_000), ErrLayout},
		{"a count beyond the length", put32(52, 1001), ErrSize},
		{"a count that the density does not allow", put32(52, 51), ErrLayout},
		{"a count that the payload does not hold", put32(52, 49), ErrIndex},
		{"a payload beyond a frame", put32(56, maxPayload+1), ErrSize},
		{"a payload that is missing", put32(56, uint32(len(good))), ErrTruncated},
		{"a scale that is NaN", resealed(good, func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[HeaderSize:], math.Float32bits(float32(math.NaN())))
			return b
		}), ErrNotFinite},
		{"a scale without room for its codes", resealed(good, func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[HeaderSize:], math.Float32bits(math.MaxFloat32/200))
			return b
		}), ErrNotFinite},
		{"an index out of range", put8(last, 0x80), ErrIndex},
		{"an index code that goes on", resealed(good, func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[56:], uint32(len(b)-HeaderSize+1))
			return append(b, 0)
		}), ErrIndex},
	} {
		if _, _, err := c.Parse(tt.frame); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if _, _, err := c.Parse(good); err != nil {
		t.Error(err)
	}
}

func TestUpdateMustBeWhole(t *testing.T) {
	c := codec[float32](t, 150_000, nil)
	enc, g := c.NewEncoder(), gaussian[float32](150_000, 1)
	update, _, _ := enc.Encode(nil, ID{Seq: 1}, nil, g)
	other, _, _ := enc.Encode(nil, ID{Seq: 2}, nil, g)
	f, rest, _ := c.Parse(update)
	first := update[:f.Size()]
	for name, b := range map[string][]byte{
		"nothing":             nil,
		"without its last":    first,
		"without its first":   rest,
		"a frame twice":       slices.Concat(first, update),
		"another's first":     slices.Concat(other[:f.Size()], rest),
		"something after it":  append(slices.Clone(update), 0),
		"a whole other after": slices.Concat(update, other),
	} {
		if _, err := c.Check(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if h, err := c.Check(update); err != nil || h.Seq != 1 {
		t.Errorf("%v, %v", h, err)
	}
}

// No flipped bit of any frame goes unnoticed, and none makes parsing panic.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	everyFrame(t, func(name string, c *Codec[float32], frame []byte) {
		for bit := range 8 * len(frame) {
			frame[bit/8] ^= 1 << (bit % 8)
			if _, _, err := c.Parse(frame); err == nil {
				t.Errorf("%s: bit %d flipped and not noticed", name, bit)
			}
			frame[bit/8] ^= 1 << (bit % 8)
		}
	})
}

func TestRiceReadsWhatItWrote(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 3, 64, 1000, 1 << 20} {
		for _, count := range []int{0, 1, 2, n / 100, n / 3, n - 1, n} {
			if count > n || count < 0 || count > 300_000 {
				continue
			}
			idx := make([]uint32, 0, count)
			switch r.IntN(3) {
			case 0: // spread out
				for _, i := range r.Perm(n)[:count] {
					idx = append(idx, uint32(i))
				}
				slices.Sort(idx)
			case 1: // at the end
				for i := n - count; i < n; i++ {
					idx = append(idx, uint32(i))
				}
			default: // at the start, and the last
				for i := range count {
					idx = append(idx, uint32(i))
				}
				if count > 0 {
					idx[count-1] = uint32(n - 1)
				}
			}
			code := appendRice(nil, n, idx)
			if len(code) > riceBound(n, count) || !checkRice(code, n, count) {
				t.Fatalf("%d of %d: %d bytes, bound %d, sound %v", count, n, len(code), riceBound(n, count), checkRice(code, n, count))
			}
			reader, _ := newRiceReader(code, n, count)
			got := make([]uint32, count)
			for at := 0; at < count; at += 77 {
				reader.read(got[at:min(at+77, count)])
			}
			if !slices.Equal(got, idx) {
				t.Fatalf("%d of %d: not what was written", count, n)
			}
		}
	}
}

// At 1% an index costs 8.11 bits; the entropy of where 1% of the coordinates are is 8.08.
func TestIndexCost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const n = 1 << 20
	var idx []uint32
	for i := range uint32(n) {
		if r.IntN(100) == 0 {
			idx = append(idx, i)
		}
	}
	if bits := 8 * float64(len(appendRice(nil, n, idx))) / float64(len(idx)); bits > 8.15 {
		t.Errorf("%.3f bits an index", bits)
	}
}

// fuzzed are the codecs that the fuzz targets choose from.
func fuzzed(t testing.TB) (codecs []*Codec[float32]) {
	everyConfig(func(_ string, set func(*Config)) {
		codecs = append(codecs, codec[float32](t, 600, set))
	})
	return codecs
}

// tryFrame parses b and, when it is accepted, holds it to what Parse promises.
func tryFrame(t *testing.T, c *Codec[float32], b []byte) {
	f, rest, err := c.Parse(b)
	if err != nil {
		return
	}
	if f.Size()+len(rest) != len(b) {
		t.Fatalf("a frame of %d bytes and a rest of %d are %d", f.Size(), len(rest), len(b))
	}
	acc := make([]float32, c.Dim())
	c.Add(acc, 1, f)
	if !vec.Finite(acc) {
		t.Fatal("an accepted frame decodes to what is not finite")
	}
	if f.Kind != Sparse {
		return
	}
	code := f.payload[valueBytes[float32](f.Values, int(f.Count)):]
	r, _ := newRiceReader(code, int(f.Length), int(f.Count))
	idx := make([]uint32, f.Count)
	r.read(idx)
	for j, i := range idx {
		if i >= f.Length || j > 0 && i <= idx[j-1] {
			t.Fatalf("index %d is %d, after %d", j, i, idx[max(j-1, 0)])
		}
	}
	if !slices.Equal(appendRice(nil, int(f.Length), idx), code) {
		t.Fatal("an accepted index code is not the one that is written")
	}
}

// FuzzParse feeds raw bytes. Few get past the checksum, which FuzzPayload mends.
func FuzzParse(f *testing.F) {
	codecs := fuzzed(f)
	for i, c := range codecs {
		frame, _, _ := c.NewEncoder().Encode(nil, ID{}, nil, gaussian[float32](c.Dim(), 1))
		f.Add(uint8(i), frame)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		tryFrame(t, codecs[int(which)%len(codecs)], b)
	})
}

// FuzzPayload feeds payloads and counts under a right header and checksum.
func FuzzPayload(f *testing.F) {
	codecs := fuzzed(f)
	for i, c := range codecs {
		frame, _, _ := c.NewEncoder().Encode(nil, ID{}, nil, gaussian[float32](c.Dim(), 1))
		f.Add(uint8(i), binary.LittleEndian.Uint32(frame[52:]), frame[HeaderSize:])
	}
	f.Fuzz(func(t *testing.T, which uint8, count uint32, payload []byte) {
		c := codecs[int(which)%len(codecs)]
		b := append(make([]byte, HeaderSize), payload...)
		seal(b, Header{Kind: c.method.kind(), Values: c.values, Width: 4, Fragments: 1, Length: uint32(c.Dim()), Count: count})
		tryFrame(t, c, b)
	})
}

func FuzzRestore(f *testing.F) {
	c := codec[float32](f, 20, func(c *Config) { c.Kind, c.Feedback = "topk", "ef21m" })
	m, enc := c.NewMemory(0), c.NewEncoder()
	if _, _, err := enc.Encode(nil, ID{}, m, gaussian[float32](20, 1)); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Append(nil))
	f.Add(c.NewMirror().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := c.RestoreMemory(b); err == nil {
			_, _, _ = enc.Encode(nil, ID{}, m, gaussian[float32](20, 2))
		}
		_, _ = c.RestoreMirror(b)
	})
}
