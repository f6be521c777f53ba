package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"sync"
)

// The magic numbers of LeCun's idx format: two zero bytes, unsigned bytes (8), and the number of dimensions.
const (
	idxLabels = 0x00000801
	idxImages = 0x00000803
)

const maxSide = 1 << 12 // of an image, in pixels

// readIDX reads the four files of MNIST and its relatives in dir. Grey values become numbers of mean 0 and variance 1
// over the training images.
func readIDX(dir string) (*Set, error) {
	var train, test images
	var both sync.WaitGroup
	var testErr error
	both.Go(func() { testErr = test.read(dir, "t10k") })
	err := train.read(dir, "train")
	both.Wait()
	if err == nil {
		err = testErr
	}
	if err != nil {
		return nil, err
	}
	if train.height != test.height || train.width != test.width {
		return nil, fmt.Errorf("%s: the training images are %dx%d, the test images %dx%d", dir, train.height, train.width, test.height, test.width)
	}
	number := standardised(train.pixels)
	set := &Set{
		Unit: "images", Features: train.height * train.width, Height: train.height, Width: train.width,
		Train: train.samples(number), Test: test.samples(number),
	}
	for _, label := range append(train.labels, test.labels...) {
		set.Classes = max(set.Classes, int(label)+1)
	}
	return set, nil
}

// images is one part of a set as its files have it.
type images struct {
	height, width int
	pixels        []byte
	labels        []byte
}

func (m *images) read(dir, part string) error {
	if err := readFile(filepath.Join(dir, part+"-images-idx3-ubyte"), m.readPixels); err != nil {
		return err
	}
	if err := readFile(filepath.Join(dir, part+"-labels-idx1-ubyte"), m.readLabels); err != nil {
		return err
	}
	if n := len(m.pixels) / (m.height * m.width); n != len(m.labels) {
		return fmt.Errorf("%s: %d %s images have %d labels", dir, n, part, len(m.labels))
	}
	return nil
}

// standardised returns the number for every grey value: those of the given pixels have mean 0 and variance 1.
func standardised(pixels []byte) (number [256]float32) {
	var total, squares uint64 // exact
	for _, v := range pixels {
		total += uint64(v)
		squares += uint64(v) * uint64(v)
	}
	n := float64(max(1, len(pixels)))
	mean := float64(total) / n
	deviation := math.Sqrt(max(float64(squares)/n-mean*mean, 1e-6)) // images of one grey alone have none
	for v := range number {
		number[v] = float32((float64(v) - mean) / deviation)
	}
	return number
}

// samples replaces grey values by their numbers, on all cores.
func (m *images) samples(number [256]float32) *rows {
	r := &rows{make([]float32, len(m.pixels)), m.height * m.width, make([]uint16, len(m.labels))}
	for i, label := range m.labels {
		r.labels[i] = uint16(label)
	}
	var all sync.WaitGroup
	pieces := runtime.GOMAXPROCS(0)
	for piece := range pieces {
		low, high := piece*len(m.pixels)/pieces, (piece+1)*len(m.pixels)/pieces
		all.Go(func() {
			to := r.values[low:high]
			for i, v := range m.pixels[low:high] {
				to[i] = number[v]
			}
		})
	}
	all.Wait()
	return r
}

func readFile(path string, decode func(r io.Reader, limit int64) error) error {
	s, err := open(path)
	if err != nil {
		return err
	}
	defer s.close()
	if err := decode(s, s.limit); err != nil {
		return s.fault("%w", err)
	}
	return nil
}

// readPixels decodes an idx file of images, which cannot be longer than limit bytes.
func (m *images) readPixels(r io.Reader, limit int64) error {
	size, err := idxHeader(r, idxImages, 3)
	if err != nil {
		return err
	}
	n, height, width := int64(size[0]), int64(size[1]), int64(size[2])
	if height < 1 || height > maxSide || width < 1 || width > maxSide {
		return fmt.Errorf("images of %dx%d pixels: must be between 1 and %d a side", height, width, maxSide)
	}
	if n > limit/(height*width) {
		return fmt.Errorf("is cut short: it says that it holds %d images of %dx%d pixels", n, height, width)
	}
	m.height, m.width = int(height), int(width)
	m.pixels = make([]byte, n*height*width)
	if at, err := io.ReadFull(r, m.pixels); err != nil {
		return cutShort(err, int64(at)/(height*width), "image", n)
	}
	return atEnd(r)
}

// readLabels decodes an idx file of labels, which cannot be longer than limit bytes.
func (m *images) readLabels(r io.Reader, limit int64) error {
	size, err := idxHeader(r, idxLabels, 1)
	if err != nil {
		return err
	}
	if int64(size[0]) > limit {
		return fmt.Errorf("is cut short: it says that it holds %d labels", size[0])
	}
	m.labels = make([]byte, size[0])
	if at, err := io.ReadFull(r, m.labels); err != nil {
		return cutShort(err, int64(at), "label", int64(len(m.labels)))
	}
	return atEnd(r)
}

// idxHeader reads the magic number and the dimensions of an idx file.
func idxHeader(r io.Reader, magic uint32, dimensions int) ([]uint32, error) {
	var header [16]byte
	b := header[:4+4*dimensions]
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("is cut short within its header: %w", err)
	}
	if got := binary.BigEndian.Uint32(b); got != magic {
		return nil, fmt.Errorf("is no idx file of that kind: it begins with 0x%08x, not 0x%08x", got, magic)
	}
	size := make([]uint32, dimensions)
	for i := range size {
		size[i] = binary.BigEndian.Uint32(b[4+4*i:])
	}
	return size, nil
}

func cutShort(err error, at int64, unit string, of int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("is cut short: it ends within %s %d of %d", unit, at+1, of)
	}
	return fmt.Errorf("%s %d of %d: %w", unit, at+1, of, err)
}

// atEnd checks that nothing follows, and with it the checksum of a compressed file.
func atEnd(r io.Reader) error {
	var b [1]byte
	switch _, err := io.ReadFull(r, b[:]); {
	case err == nil:
		return errors.New("has bytes after what its header says that it holds")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("its end: %w", err)
	}
}
