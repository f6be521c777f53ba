package dataset

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// idx is a file of the format: big-endian words, then bytes.
func idx(words []uint32, content ...byte) []byte {
	var b []byte
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return append(b, content...)
}

func zipped(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// folder writes files into a temporary folder. The name of a file that is to be compressed ends in .gz.
func folder(tb testing.TB, files map[string][]byte) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, content := range files {
		if strings.HasSuffix(name, ".gz") {
			content = zipped(tb, content)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// small is a set of three training images of 2x2 pixels and one test image, some files compressed.
func small() map[string][]byte {
	return map[string][]byte{
		"train-images-idx3-ubyte.gz": idx([]uint32{idxImages, 3, 2, 2}, 0, 0, 0, 0, 255, 255, 255, 255, 0, 255, 0, 255),
		"train-labels-idx1-ubyte":    idx([]uint32{idxLabels, 3}, 0, 2, 1),
		"t10k-images-idx3-ubyte":     idx([]uint32{idxImages, 1, 2, 2}, 0, 0, 255, 255),
		"t10k-labels-idx1-ubyte.gz":  idx([]uint32{idxLabels, 1}, 1),
	}
}

func TestReadIDX(t *testing.T) {
	set, err := Open("idx:"+folder(t, small()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.Features != 4 || set.Height != 2 || set.Width != 2 || set.Classes != 3 || set.Train.Len() != 3 || set.Test.Len() != 1 {
		t.Errorf("read %+v", set)
	}
	// Half of the training pixels are black, half are white: standardised they are -1 and 1.
	x := make([]float32, 4)
	set.Train.Read(x, 2)
	for i, want := range []float32{-1, 1, -1, 1} {
		if math.Abs(float64(x[i]-want)) > 1e-6 || set.Train.Label(2) != 1 {
			t.Errorf("the last image is %v of class %d", x, set.Train.Label(2))
		}
	}
	set.Test.Read(x, 0)
	if x[0] > -.99 || x[3] < .99 || set.Test.Label(0) != 1 {
		t.Errorf("the test image is %v of class %d", x, set.Test.Label(0))
	}
}

func TestDamagedIDX(t *testing.T) {
	for _, test := range []struct {
		name, file string
		content    []byte // nil removes the file
		want       string
	}{
		{"missing", "t10k-labels-idx1-ubyte.gz", nil, "neither DIR/t10k-labels-idx1-ubyte nor DIR/t10k-labels-idx1-ubyte.gz is there"},
		{"empty", "train-labels-idx1-ubyte", []byte{}, "DIR/train-labels-idx1-ubyte: is cut short within its header: EOF"},
		{"another file", "t10k-images-idx3-ubyte", []byte("<html> Not found </html>"), "DIR/t10k-images-idx3-ubyte: is no idx file of that kind: it begins with 0x3c68746d, not 0x00000803"},
		{"labels for images", "t10k-images-idx3-ubyte", idx([]uint32{idxLabels, 3, 2, 2}), "DIR/t10k-images-idx3-ubyte: is no idx file of that kind: it begins with 0x00000801, not 0x00000803"},
		{"cut short", "t10k-images-idx3-ubyte", idx([]uint32{idxImages, 2, 2, 2}, 1, 2, 3, 4, 5, 6, 7), "DIR/t10k-images-idx3-ubyte: is cut short: it ends within image 2 of 2"},
		{"compressed, cut short", "train-images-idx3-ubyte.gz", idx([]uint32{idxImages, 3, 2, 2}, 1, 2, 3, 4, 5), "DIR/train-images-idx3-ubyte.gz: is cut short: it ends within image 2 of 3"},
		{"a lie about the length", "train-images-idx3-ubyte.gz", idx([]uint32{idxImages, 4e9, 4096, 4096}, 1), "DIR/train-images-idx3-ubyte.gz: is cut short: it says that it holds 4000000000 images of 4096x4096 pixels"},
		{"a lie about the labels", "train-labels-idx1-ubyte", idx([]uint32{idxLabels, 4e9}, 1), "DIR/train-labels-idx1-ubyte: is cut short: it says that it holds 4000000000 labels"},
		{"no pixels", "t10k-images-idx3-ubyte", idx([]uint32{idxImages, 1, 0, 2}), "DIR/t10k-images-idx3-ubyte: images of 0x2 pixels: must be between 1 and 4096 a side"},
		{"something after the end", "train-labels-idx1-ubyte", idx([]uint32{idxLabels, 3}, 0, 1, 2, 3), "DIR/train-labels-idx1-ubyte: has bytes after what its header says that it holds"},
		{"fewer labels", "train-labels-idx1-ubyte", idx([]uint32{idxLabels, 2}, 0, 1), "DIR: 3 train images have 2 labels"},
		{"other sizes", "t10k-images-idx3-ubyte", idx([]uint32{idxImages, 1, 1, 4}, 1, 2, 3, 4), "DIR: the training images are 2x2, the test images 1x4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := small()
			files[test.file] = test.content
			if test.content == nil {
				delete(files, test.file)
			}
			expect(t, "idx:", folder(t, files), test.want)
		})
	}
	dir := folder(t, small())
	path := filepath.Join(dir, "train-images-idx3-ubyte.gz")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)-6] ^= 1 // of the checksum
	if err := os.WriteFile(path, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	expect(t, "idx:", dir, "DIR/train-images-idx3-ubyte.gz: its end: gzip: invalid checksum")
	if err := os.WriteFile(path, []byte("not compressed"), 0o666); err != nil {
		t.Fatal(err)
	}
	expect(t, "idx:", dir, "DIR/train-images-idx3-ubyte.gz: gzip: invalid header")
}

// expect opens a set and compares the error, in which DIR stands for the folder. An empty want is no error.
func expect(t *testing.T, form, path, want string) {
	t.Helper()
	_, err := Open(form+path, Options{Context: 2})
	got := ""
	if err != nil {
		got = strings.ReplaceAll(err.Error(), path, "DIR")
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idx([]uint32{idxImages, 1, 2, 2}, 0, 0, 255, 255), idx([]uint32{idxLabels, 1}, 1))
	f.Add(idx([]uint32{idxImages, 1 << 31, 4096, 4096}), idx([]uint32{idxLabels, 1 << 31}))
	f.Fuzz(func(t *testing.T, pixels, labels []byte) {
		var m images
		if err := m.readPixels(bytes.NewReader(pixels), int64(len(pixels))); err == nil && len(m.pixels) != len(pixels)-16 {
			t.Errorf("%d bytes hold %d pixels", len(pixels), len(m.pixels))
		}
		if err := m.readLabels(bytes.NewReader(labels), int64(len(labels))); err == nil && len(m.labels) != len(labels)-8 {
			t.Errorf("%d bytes hold %d labels", len(labels), len(m.labels))
		}
	})
}
