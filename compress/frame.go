package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	// MaxFrame is the most bytes a frame has, header included: what one entry of the raft log holds.
	MaxFrame = 256 << 10
	// HeaderSize is the bytes of a frame before its payload.
	HeaderSize = 64
	// maxPayload is what MaxFrame leaves.
	maxPayload = MaxFrame - HeaderSize

	formatVersion = 1
)

// Why a frame is refused. Parse wraps them with the frame's place; test with errors.Is.
var (
	ErrTruncated = errors.New("frame is cut short")
	ErrVersion   = errors.New("frame has a format version this build does not know")
	ErrSize      = errors.New("frame declares sizes that cannot be")
	ErrChecksum  = errors.New("frame does not match its checksum")
	ErrLayout    = errors.New("frame is not what this run sends")
	ErrIndex     = errors.New("frame has indices out of range")
	ErrNotFinite = errors.New("a value is NaN or infinite")
)

// Kind is how a frame's payload stands for its coordinates. FORMAT.md describes each.
type Kind uint8

// The kinds of payload.
const (
	Dense  Kind = 1 // every coordinate
	Sparse Kind = 2 // chosen coordinates and their indices
	Random Kind = 3 // coordinates that both sides draw from the seed
	Sign   Kind = 4 // a bit a coordinate and a scale a block
	Quant  Kind = 5 // a few bits a coordinate and a step a block
)

func (k Kind) String() string {
	if names := [...]string{Dense: "dense", Sparse: "sparse", Random: "random", Sign: "sign", Quant: "quant"}; int(k) < len(names) && k > 0 {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ID names one update: what a client made from the model version Base, its Seq-th.
type ID struct {
	Client uint32
	Seq    uint64
	Base   uint64
}

// Header is the fixed start of a frame.
type Header struct {
	ID
	Epoch     uint32 // feedback epoch, see the package comment
	Step      uint32 // updates that the client made in the epoch before this one; 0 where the order does not matter
	Kind      Kind
	Values    Values
	Width     uint8  // bytes of the problem's own arithmetic: 4 or 8
	Fragment  uint32 // which fragment of the update this is, from 0
	Fragments uint32 // how many the update has
	Offset    uint64 // the fragment's first coordinate
	Length    uint32 // coordinates it spans
	Count     uint32 // values that are sent
	Payload   uint32 // bytes after the header; Encode fills it in
}

// Frame is one verified frame. It shares the bytes it was parsed from; only Codec.Parse makes one.
type Frame struct {
	Header
	payload []byte
}

// Size is the frame's bytes on the wire.
func (f Frame) Size() int { return HeaderSize + len(f.payload) }

// seal writes the header, with sizes and checksum, over the first HeaderSize bytes of frame.
func seal(frame []byte, h Header) {
	le := binary.LittleEndian
	frame[0], frame[1], frame[2], frame[3] = formatVersion, byte(h.Kind), byte(h.Values), h.Width
	le.PutUint32(frame[8:], h.Client)
	le.PutUint32(frame[12:], h.Epoch)
	le.PutUint64(frame[16:], h.Seq)
	le.PutUint64(frame[24:], h.Base)
	le.PutUint32(frame[32:], h.Fragment)
	le.PutUint32(frame[36:], h.Fragments)
	le.PutUint64(frame[40:], h.Offset)
	le.PutUint32(frame[48:], h.Length)
	le.PutUint32(frame[52:], h.Count)
	le.PutUint32(frame[56:], uint32(len(frame)-HeaderSize))
	le.PutUint32(frame[60:], h.Step)
	le.PutUint32(frame[4:], checksum(frame))
}

// open reads the header at the start of b and returns its frame and what follows. It has checked lengths and checksum
// when it returns, and nothing else.
func open(b []byte) (Frame, []byte, error) {
	if len(b) < HeaderSize {
		return Frame{}, nil, ErrTruncated
	}
	if b[0] != formatVersion {
		return Frame{}, nil, fmt.Errorf("%w: %d", ErrVersion, b[0])
	}
	le := binary.LittleEndian
	h := Header{
		ID:        ID{Client: le.Uint32(b[8:]), Seq: le.Uint64(b[16:]), Base: le.Uint64(b[24:])},
		Epoch:     le.Uint32(b[12:]),
		Kind:      Kind(b[1]),
		Values:    Values(b[2]),
		Width:     b[3],
		Fragment:  le.Uint32(b[32:]),
		Fragments: le.Uint32(b[36:]),
		Offset:    le.Uint64(b[40:]),
		Length:    le.Uint32(b[48:]),
		Count:     le.Uint32(b[52:]),
		Payload:   le.Uint32(b[56:]),
		Step:      le.Uint32(b[60:]),
	}
	if h.Payload > maxPayload || h.Count > h.Length {
		return Frame{}, nil, fmt.Errorf("%w: %d bytes for %d of %d coordinates", ErrSize, h.Payload, h.Count, h.Length)
	}
	end := HeaderSize + int(h.Payload)
	if len(b) < end {
		return Frame{}, nil, ErrTruncated
	}
	if le.Uint32(b[4:]) != checksum(b[:end]) {
		return Frame{}, nil, ErrChecksum
	}
	return Frame{Header: h, payload: b[HeaderSize:end:end]}, b[end:], nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C of a whole frame without the four bytes that hold it.
func checksum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:4], castagnoli), castagnoli, frame[8:])
}

// FragmentOf is which fragment of its update a frame says it is, and SizeOf how many bytes of b are its own; of bytes that
// are too few for a header, or for what it says, both are 0. They trust what the frame says: only Parse verifies it.
func FragmentOf(b []byte) uint32 {
	if len(b) < HeaderSize {
		return 0
	}
	return binary.LittleEndian.Uint32(b[32:])
}

// SizeOf is the number of bytes of the frame at the start of b; see FragmentOf.
func SizeOf(b []byte) int {
	if len(b) < HeaderSize {
		return 0
	}
	n := HeaderSize + int(binary.LittleEndian.Uint32(b[56:]))
	if n > len(b) || n > MaxFrame {
		return 0
	}
	return n
}

// Readdress makes a frame, with its checksum, that of another update of the same client: what a load generator sends again
// and again without encoding it anew.
func Readdress(frame []byte, seq, base uint64, step uint32) {
	le := binary.LittleEndian
	le.PutUint64(frame[16:], seq)
	le.PutUint64(frame[24:], base)
	le.PutUint32(frame[60:], step)
	le.PutUint32(frame[4:], checksum(frame))
}
