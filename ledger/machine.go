package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"weir/aggregate"
	"weir/compress"
	"weir/vec"
)

// Machine is the whole replicated state: the ledger that decides and the model that it decides on.
type Machine[T vec.Float] struct {
	Ledger *Ledger
	Model  *Model[T]
}

// NewMachine returns a machine at version 0.
func NewMachine[T vec.Float](c Config, updates compress.Config, outer aggregate.OuterConfig, start []T) (*Machine[T], error) {
	l, err := New(c)
	if err != nil {
		return nil, err
	}
	m, err := NewModel(updates, c.Seed, outer, start)
	if err != nil {
		return nil, err
	}
	m.measure = l.Measures()
	return &Machine[T]{l, m}, nil
}

// Apply verifies, decides and applies one command; update holds the frames of an admit. A version that is not finite stops
// the run: nobody can start from it. The decision is valid until the next call.
func (m *Machine[T]) Apply(c Command, update []byte) *Decision {
	var frames []compress.Frame
	if c.Kind == Admit && c.Fault == None && m.Ledger.Known(c.Client) { // the ledger refuses a stranger, whatever it sends
		frames, c.Fault = m.Model.Check(c, update)
	}
	d := m.Ledger.Apply(c)
	if d.Verdict.Decoded() {
		m.Model.Decode(frames, d.Weight, m.Ledger.Share(c.Client))
	}
	if d.Commit != nil {
		m.Model.Commit(d.Commit.Scale, d.Commit.Rate)
		if m.Ledger.Measures() {
			m.Ledger.Moved(m.Model.moved)
		}
		if m.Model.diverged {
			m.Ledger.stop(d, "diverged")
		}
	}
	return d
}

// Digest is the SHA-256 over ledger and model, in hexadecimal.
func (m *Machine[T]) Digest() string {
	h := sha256.New()
	h.Write(m.Ledger.AppendSnapshot(nil))
	h.Write(m.Model.AppendSnapshot(nil))
	return hex.EncodeToString(h.Sum(nil))
}

// AppendEntry adds one entry of a recorded log to dst: a command and, with an admit, its frames.
func AppendEntry(dst []byte, c *Command, update []byte) []byte {
	dst = c.Append(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(update)))
	return append(dst, update...)
}

// NextEntry takes an entry from the front of a recorded log; the update shares the log's bytes.
func NextEntry(log []byte) (c Command, update, rest []byte, err error) {
	c, log, err = DecodeCommand(log)
	if err != nil {
		return Command{}, nil, nil, err
	}
	if len(log) < 4 || uint64(len(log)-4) < uint64(binary.LittleEndian.Uint32(log)) {
		return Command{}, nil, nil, fmt.Errorf("%w: its update is cut short", ErrCommand)
	}
	n := int(binary.LittleEndian.Uint32(log))
	return c, log[4 : 4+n], log[4+n:], nil
}
