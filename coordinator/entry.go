package coordinator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"weir/ledger"
	"weir/problem"
	"weir/transport"
)

// kind says what an entry of the replicated log is.
type kind byte

const (
	entryGenesis  kind = iota + 1 // the first: which run this is
	entryCommand                  // a command without an update
	entryFrame                    // one frame of an update, not its last
	entryAdmit                    // a command with the last frame of an update, or with all of a faulty one's nothing
	entryMeasured                 // a version was evaluated
	entryDigest                   // what a version's digest is on the node that leads
	entryFinish                   // nothing more will come
)

// entry is something to be put into the log: append adds it to dst.
type entry interface{ append(dst []byte) []byte }

// errEntry is returned for bytes that are no entry of this log.
var errEntry = errors.New("coordinator: malformed log entry")

// genesis says which run a log is of.
type genesis struct {
	Config  []byte // the resolved configuration, YAML
	Start   string // digest of the initial model
	Samples string // digest of how many samples each client holds: equal data, equal digest
}

func (g genesis) append(dst []byte) []byte {
	return append(append(dst, byte(entryGenesis)), transport.Encode(g)...)
}

// command is one without an update.
type command ledger.Command

func (c command) append(dst []byte) []byte {
	return (*ledger.Command)(&c).Append(append(dst, byte(entryCommand)))
}

// finish is the last entry.
type finish struct{}

func (finish) append(dst []byte) []byte { return append(dst, byte(entryFinish)) }

// piece is one frame of an update in several.
type piece struct {
	client uint32
	seq    uint64
	frame  []byte
}

func (p piece) append(dst []byte) []byte {
	dst = append(dst, byte(entryFrame))
	dst = binary.LittleEndian.AppendUint32(dst, p.client)
	dst = binary.LittleEndian.AppendUint64(dst, p.seq)
	return append(dst, p.frame...)
}

func decodePiece(b []byte) (piece, error) {
	if len(b) < 12 {
		return piece{}, errEntry
	}
	return piece{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:]), b[12:]}, nil
}

// admission is an update's last frame, its report, and the command that admits it. Before says how many of its frames
// stand before it in the log.
type admission struct {
	command ledger.Command
	report  transport.Report
	before  uint32
	frame   []byte
}

// reported is how many fields of a report its command has not got: they stand in the log beside it.
const reported = 9

func (a *admission) append(dst []byte) []byte {
	dst = a.command.Append(append(dst, byte(entryAdmit)))
	dst = binary.LittleEndian.AppendUint32(dst, a.before)
	r := &a.report
	for _, v := range [reported]uint64{
		uint64(r.Steps), math.Float64bits(r.Contraction), math.Float64bits(r.ErrorNorm), math.Float64bits(r.Eta),
		uint64(r.Waited), uint64(r.Computed), uint64(r.Blocked), uint64(r.Downloaded), uint64(r.Returned),
	} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return append(dst, a.frame...)
}

func decodeAdmission(b []byte) (a admission, err error) {
	a.command, b, err = ledger.DecodeCommand(b)
	if err != nil || len(b) < 4+8*reported {
		return a, errors.Join(errEntry, err)
	}
	a.before = binary.LittleEndian.Uint32(b)
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[4+8*i:]) }
	float := func(i int) float64 { return math.Float64frombits(word(i)) }
	c := &a.command
	a.report = transport.Report{
		Report: problem.Report{Loss: c.Loss, RMS: c.RMS, Steps: int(word(0)), Samples: int(c.Samples)},
		Norm:   c.Norm, Contraction: float(1), ErrorNorm: float(2), Eta: float(3),
		Waited: int64(word(4)), Computed: int64(word(5)), Blocked: int64(word(6)), Downloaded: int(word(7)), Returned: int(word(8)),
	}
	a.frame = b[4+8*reported:]
	return a, nil
}

// measured is an evaluation of a version at a time of the run.
type measured struct {
	Time    int64
	Version uint64
	Metrics problem.Metrics
}

// append writes numbers as bits: a metric of a run that diverged is none that JSON knows.
func (m measured) append(b []byte) []byte {
	b = append(b, byte(entryMeasured))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Time))
	b = binary.LittleEndian.AppendUint64(b, m.Version)
	for _, v := range m.Metrics {
		b = append(append(b, byte(len(v.Name))), v.Name...)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Value))
	}
	return b
}

func decodeMeasured(b []byte) (m measured, err error) {
	if len(b) < 16 {
		return m, errEntry
	}
	m.Time, m.Version = int64(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint64(b[8:])
	for b = b[16:]; len(b) > 0; {
		n := int(b[0])
		if len(b) < 1+n+8 {
			return m, errEntry
		}
		value := math.Float64frombits(binary.LittleEndian.Uint64(b[1+n:]))
		m.Metrics = append(m.Metrics, problem.Metric{Name: string(b[1 : 1+n]), Value: value})
		b = b[1+n+8:]
	}
	return m, nil
}

// digested is the digest of a version's parameters.
type digested struct {
	Version uint64
	Digest  string
}

func (d digested) append(dst []byte) []byte {
	return append(append(dst, byte(entryDigest)), transport.Encode(d)...)
}

// openEntry splits an entry into its kind and the rest.
func openEntry(b []byte) (kind, []byte, error) {
	if len(b) == 0 || kind(b[0]) < entryGenesis || kind(b[0]) > entryFinish {
		return 0, nil, fmt.Errorf("%w: %d bytes", errEntry, len(b))
	}
	return kind(b[0]), b[1:], nil
}
