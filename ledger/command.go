package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Kind says what a command is.
type Kind uint8

// The kinds of commands.
const (
	Register Kind = iota + 1
	Start
	Admit
	Leave
	Tick
	Measure
	Stop
)

var kindNames = [...]string{Register: "register", Start: "start", Admit: "admit", Leave: "leave", Tick: "tick", Measure: "measure", Stop: "stop"}

func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Command is one entry of the log. A kind that does not name a field leaves it zero.
type Command struct {
	Kind Kind
	Time int64 // nanoseconds since the run began

	Client  uint32  // register, admit, leave; clients are numbered from 0 without gaps
	Samples uint64  // register: how much data the client holds; admit: samples processed
	Cycle   int64   // register: nanoseconds from assignment to arrival when they are known, else 0
	Seq     uint64  // admit: which of the client's rounds
	Base    uint64  // admit: version that the update was made from
	Loss    float64 // admit: training loss
	RMS     float64 // admit: root of the mean square of the samples' losses
	Cosine  float64 // admit: between the update and the direction of the model; NaN where there is none
	Norm    float64 // admit: ||delta||_2
	Fault   Reason  // admit: what verification found wrong with the frames
	Value   float64 // measure: the metric; stop.target names it
	Why     string  // stop: at most 255 bytes
}

const commandSize = 1 + 8 + 4 + 8*8 + 1 + 8 + 1 // without Why

// ErrCommand is returned by DecodeCommand for bytes that are no command.
var ErrCommand = errors.New("ledger: malformed command")

// Append adds the encoding of c to dst: little-endian fields in the order of the struct, Why with its length before it.
func (c *Command) Append(dst []byte) []byte {
	le := binary.LittleEndian
	dst = append(dst, byte(c.Kind))
	dst = le.AppendUint64(dst, uint64(c.Time))
	dst = le.AppendUint32(dst, c.Client)
	for _, v := range [...]uint64{c.Samples, uint64(c.Cycle), c.Seq, c.Base, math.Float64bits(c.Loss), math.Float64bits(c.RMS), math.Float64bits(c.Cosine), math.Float64bits(c.Norm)} {
		dst = le.AppendUint64(dst, v)
	}
	dst = append(dst, byte(c.Fault))
	dst = le.AppendUint64(dst, math.Float64bits(c.Value))
	why := c.Why[:min(len(c.Why), 255)]
	dst = append(dst, byte(len(why)))
	return append(dst, why...)
}

// DecodeCommand reads a command from the front of b and returns what follows it, or ErrCommand.
func DecodeCommand(b []byte) (Command, []byte, error) {
	if len(b) < commandSize || len(b) < commandSize+int(b[commandSize-1]) {
		return Command{}, nil, fmt.Errorf("%w: %d bytes are too few", ErrCommand, len(b))
	}
	le := binary.LittleEndian
	word := func(at int) uint64 { return le.Uint64(b[at:]) }
	c := Command{
		Kind:    Kind(b[0]),
		Time:    int64(word(1)),
		Client:  le.Uint32(b[9:]),
		Samples: word(13),
		Cycle:   int64(word(21)),
		Seq:     word(29),
		Base:    word(37),
		Loss:    math.Float64frombits(word(45)),
		RMS:     math.Float64frombits(word(53)),
		Cosine:  math.Float64frombits(word(61)),
		Norm:    math.Float64frombits(word(69)),
		Fault:   Reason(b[77]),
		Value:   math.Float64frombits(word(78)),
		Why:     string(b[commandSize : commandSize+int(b[commandSize-1])]),
	}
	if c.Kind < Register || c.Kind > Stop || c.Fault > lastReason {
		return Command{}, nil, fmt.Errorf("%w: %v with fault %v", ErrCommand, c.Kind, c.Fault)
	}
	return c, b[commandSize+len(c.Why):], nil
}
