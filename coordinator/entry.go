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

// errEntry is returned for bytes that are no entry of this log.
var errEntry = errors.New("coordinator: malformed log entry")

// genesis says which run a log is of.
type genesis struct {
	Config  []byte // the resolved configuration, YAML
	Start   string // digest of the initial model
	Samples string // digest of how many samples each client holds: equal data, equal digest
}

func (g genesis) entry() []byte { return append([]byte{byte(entryGenesis)}, transport.Encode(g)...) }

func commandEntry(c ledger.Command) []byte { return c.Append([]byte{byte(entryCommand)}) }

// piece is one frame of an update in several.
type piece struct {
	client uint32
	seq    uint64
	frame  []byte
}

func (p piece) entry() []byte {
	b := make([]byte, 0, 13+len(p.frame))
	b = append(b, byte(entryFrame))
	b = binary.LittleEndian.AppendUint32(b, p.client)
	b = binary.LittleEndian.AppendUint64(b, p.seq)
	return append(b, p.frame...)
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

func (a *admission) entry() []byte {
	report := transport.Encode(&a.report)
	b := make([]byte, 0, 128+len(report)+len(a.frame))
	b = a.command.Append(append(b, byte(entryAdmit)))
	b = binary.LittleEndian.AppendUint32(b, a.before)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(report)))
	b = append(b, report...)
	return append(b, a.frame...)
}

func decodeAdmission(b []byte) (a admission, err error) {
	a.command, b, err = ledger.DecodeCommand(b)
	if err != nil || len(b) < 6 || len(b)-6 < int(binary.LittleEndian.Uint16(b[4:])) {
		return a, errors.Join(errEntry, err)
	}
	a.before = binary.LittleEndian.Uint32(b)
	n := int(binary.LittleEndian.Uint16(b[4:]))
	a.frame = b[6+n:]
	return a, transport.Decode(b[6:6+n], &a.report)
}

// measured is an evaluation of a version at a time of the run.
type measured struct {
	Time    int64
	Version uint64
	Metrics problem.Metrics
}

// entry writes numbers as bits: a metric of a run that diverged is none that JSON knows.
func (m measured) entry() []byte {
	b := []byte{byte(entryMeasured)}
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

func (d digested) entry() []byte { return append([]byte{byte(entryDigest)}, transport.Encode(d)...) }

// openEntry splits an entry into its kind and the rest.
func openEntry(b []byte) (kind, []byte, error) {
	if len(b) == 0 || kind(b[0]) < entryGenesis || kind(b[0]) > entryFinish {
		return 0, nil, fmt.Errorf("%w: %d bytes", errEntry, len(b))
	}
	return kind(b[0]), b[1:], nil
}
