package record

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"weir/atomicfile"

	"github.com/go-json-experiment/json"
)

// The safetensors format (github.com/huggingface/safetensors): the length of the header in eight bytes, the header in
// JSON, then the numbers, all little-endian. Ours holds the one tensor x.

// maxHeader bounds the header of a model that is read, in bytes.
const maxHeader = 1 << 20

type tensor struct {
	DType   string   `json:"dtype"` // F32, F64
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // from the end of the header
}

type modelHeader struct {
	Metadata map[string]string `json:"__metadata__,omitempty"`
	X        *tensor           `json:"x"`
}

// writeModel writes x64 when it is set, else x32, which may be empty.
func writeModel(path string, x32 []float32, x64 []float64, digest string) error {
	t := tensor{DType: "F32", Shape: []int64{int64(len(x32))}, Offsets: [2]int64{0, 4 * int64(len(x32))}}
	if x64 != nil {
		t = tensor{DType: "F64", Shape: []int64{int64(len(x64))}, Offsets: [2]int64{0, 8 * int64(len(x64))}}
	}
	header, err := json.Marshal(modelHeader{Metadata: map[string]string{"format": "weir", "model_digest": digest}, X: &t}, json.Deterministic(true))
	if err != nil {
		return err
	}
	for len(header)%8 != 0 { // so that the numbers are aligned
		header = append(header, ' ')
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 1<<16)
		out.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) // the error is Flush's
		out.Write(header)
		var b [8]byte
		if x64 != nil {
			for _, v := range x64 {
				binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
				out.Write(b[:])
			}
			return out.Flush()
		}
		for _, v := range x32 {
			binary.LittleEndian.PutUint32(b[:4], math.Float32bits(v))
			out.Write(b[:4])
		}
		return out.Flush()
	})
}

// ReadModel reads the model of the run in dir. One of the two is nil, by the arithmetic the run was in.
func ReadModel(dir string) (x32 []float32, x64 []float64, err error) {
	path := filepath.Join(dir, modelFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the model: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the model: %w", err)
	}
	in := bufio.NewReaderSize(f, 1<<16)
	t, err := readHeader(in, info.Size())
	if err == nil && t.DType == "F64" {
		x64, err = readFloat64s(in, t.Shape[0])
	} else if err == nil {
		x32, err = readFloat32s(in, t.Shape[0])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the model: %s: %w", path, err)
	}
	return x32, x64, nil
}

// readHeader checks that x is a vector whose numbers are all that follows in a file of size bytes.
func readHeader(in io.Reader, size int64) (tensor, error) {
	var length [8]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return tensor{}, errors.New("too short for a safetensors file")
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return tensor{}, fmt.Errorf("a header of %d bytes does not fit", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return tensor{}, err
	}
	var h modelHeader
	if err := json.Unmarshal(text, &h); err != nil {
		return tensor{}, fmt.Errorf("header: %w", err)
	}
	width := map[string]int64{"F32": 4, "F64": 8}
	data := size - 8 - int64(n)
	if h.X == nil || len(h.X.Shape) != 1 || width[h.X.DType] == 0 {
		return tensor{}, errors.New("header: want one tensor x, a vector of F32 or F64")
	}
	if w := width[h.X.DType]; data%w != 0 || h.X.Shape[0] != data/w || h.X.Offsets != [2]int64{0, data} {
		return tensor{}, fmt.Errorf("header: %d numbers of %s at %v, but %d bytes follow", h.X.Shape[0], h.X.DType, h.X.Offsets, data)
	}
	return *h.X, nil
}

func readFloat32s(in io.Reader, n int64) ([]float32, error) {
	x := make([]float32, n)
	var b [4]byte
	for i := range x {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return nil, err
		}
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[:]))
	}
	return x, nil
}

func readFloat64s(in io.Reader, n int64) ([]float64, error) {
	x := make([]float64, n)
	var b [8]byte
	for i := range x {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return nil, err
		}
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
	}
	return x, nil
}
