package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
)

// The magic numbers of LeCun's idx format: two zero bytes, unsigned bytes (8), and the number of dimensions.
const (
	idxLabels = 0x00000801
	idxImages = 0x00000803
)

const maxSide = 1 << 12 // of an image, in pixels

// readIDX reads the four files of MNIST and its relatives in dir.
func readIDX(dir string) (*Set, error) {
	var train, test images
	var trainErr, testErr error
	var both sync.WaitGroup
	both.Go(func() { testErr = test.read(dir, "t10k") })
	trainErr = train.read(dir, "train")
	both.Wait()
	if err := errors.Join(trainErr, testErr); err != nil {
		return nil, trainFirst(trainErr, testErr)
	}
	if train.height != test.height || train.width != test.width {
		return nil, fmt.Errorf("%s: the training images are %dx%d, the test images %dx%d", dir, train.height, train.width, test.height, test.width)
	}
	labels := slices.Concat(train.labels, test.labels)
	return &Set{
		Unit: "images", Features: train.features, Height: train.height, Width: train.width,
		Classes: int(slices.Max(append(labels, 0))) + 1, Train: &train.rows, Test: &test.rows,
	}, nil
}

func trainFirst(train, test error) error {
	if train != nil {
		return train
	}
	return test
}

// images are rows of known height and width.
type images struct {
	rows
	height, width int
}

func (m *images) read(dir, part string) error {
	if err := readFile(filepath.Join(dir, part+"-images-idx3-ubyte"), m.readPixels); err != nil {
		return err
	}
	if err := readFile(filepath.Join(dir, part+"-labels-idx1-ubyte"), m.readLabels); err != nil {
		return err
	}
	if n := len(m.values) / max(1, m.features); n != len(m.labels) {
		return fmt.Errorf("%s: %d %s images have %d labels", dir, n, part, len(m.labels))
	}
	return nil
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
	m.height, m.width, m.features = int(height), int(width), int(height*width)
	m.values = make([]float32, n*height*width)
	buffer := make([]byte, 1<<15)
	for at := 0; at < len(m.values); {
		b := buffer[:min(len(buffer), len(m.values)-at)]
		if _, err := io.ReadFull(r, b); err != nil {
			return cutShort(err, int64(at)/(height*width), "image", n)
		}
		row := m.values[at : at+len(b)]
		for i, v := range b {
			row[i] = float32(v) * (1. / 255)
		}
		at += len(b)
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
	labels := make([]byte, size[0])
	if n, err := io.ReadFull(r, labels); err != nil {
		return cutShort(err, int64(n), "label", int64(len(labels)))
	}
	m.labels = make([]uint16, len(labels))
	for i, v := range labels {
		m.labels[i] = uint16(v)
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
