package transport

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"weir/ledger"
	"weir/problem"
)

// The conversation's times and amounts.
const (
	BeatEvery   = 250 * time.Millisecond
	HelloEvery  = time.Second
	Lease       = 10 * time.Second // without a hello for so long, a worker is gone
	ResendAfter = 2 * time.Second
	Window      = 16      // frames of an update on their way before the leader has acknowledged one: 4 MiB at most
	MaxMessage  = 1 << 20 // bytes; what NATS lets pass by default
)

// Subjects are the subjects of one run.
type Subjects struct{ prefix string }

// NewSubjects returns the subjects of a run. Letters, digits, - and _ of its name stay, everything else becomes _.
func NewSubjects(run string) Subjects { return Subjects{"weir." + Token(run) + "."} }

// Token is name made fit for one part of a subject.
func Token(name string) string {
	fit := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}
	return strings.Map(fit, name)
}

// Update is where a client's frames go.
func (s Subjects) Update(client uint32) string {
	return s.prefix + "update." + strconv.FormatUint(uint64(client), 10)
}

// Updates are all of them.
func (s Subjects) Updates() string { return s.prefix + "update.*" }

// UpdateClient is the client that sent to subject, one of Updates.
func (s Subjects) UpdateClient(subject string) (uint32, bool) {
	digits, ours := strings.CutPrefix(subject, s.prefix+"update.")
	id, err := strconv.ParseUint(digits, 10, 32)
	return uint32(id), ours && err == nil
}

// Hello is where a worker says hello.
func (s Subjects) Hello(worker string) string { return s.prefix + "hello." + Token(worker) }

// Hellos are all of them.
func (s Subjects) Hellos() string { return s.prefix + "hello.*" }

// HelloWorker is the worker that sent to subject, one of Hellos.
func (s Subjects) HelloWorker(subject string) string {
	return strings.TrimPrefix(subject, s.prefix+"hello.")
}

// Worker is where a worker gets its notes.
func (s Subjects) Worker(worker string) string { return s.prefix + "worker." + Token(worker) }

// Beat is where the leader makes itself known.
func (s Subjects) Beat() string { return s.prefix + "beat" }

// Fetch is where any node answers; its subscribers are one group.
func (s Subjects) Fetch() string { return s.prefix + "fetch" }

// FetchFrom is where one node answers.
func (s Subjects) FetchFrom(node string) string { return s.prefix + "fetch." + Token(node) }

// fetches are where the nodes answer, one each.
func (s Subjects) fetches() string { return s.prefix + "fetch.*" }

// Control is where the leader takes an operator's orders.
func (s Subjects) Control() string { return s.prefix + "control" }

// Beat says who leads.
type Beat struct {
	Node    string
	Term    uint64
	Version uint64 // the newest
	Stopped string // why the run ended, or empty
}

// Hello is a worker's heartbeat, and how its clients join.
type Hello struct {
	Worker  string
	Config  string // the resolved configuration, YAML; empty once the worker has been let in
	Clients []Member
	Leaving bool // the worker is about to end: its clients are not to be waited for
}

// Member is one client of a worker.
type Member struct {
	Client  uint32
	Samples uint64
	Cycle   int64 // nanoseconds that a round is thought to take, from assignment to arrival; 0 is not known
	// Held is the newest round whose base the client holds. In a run with clients.durations the leader lets no time pass
	// before everybody at work holds its base, so there a worker says hello as soon as this changes.
	Held uint64 `json:",omitempty"`
}

// Sync answers a Hello: where every client of the worker stands.
type Sync struct {
	Beat
	Refused string // why the worker cannot take part, or empty; it is of no use to say hello again
	Waiting int    // clients that the run still waits for before it starts
	Clients []Note
}

// Notes are what a leader tells a worker of its clients.
type Notes []Note

// Note is what is new with one client, or in a Sync all there is to know of it.
type Note struct {
	Client uint32
	// Seq is the newest round that the client was given, to be done from version Base or, but in a run with
	// clients.durations, from a newer one; 0 before the first. Awaited says that the ledger still waits for its update.
	// A round up to Seq that is neither awaited nor has an outcome is void. With a pipeline the client may work ahead.
	Seq     uint64 `json:",omitempty"`
	Base    uint64 `json:",omitempty"`
	Awaited bool   `json:",omitempty"`
	// Density is the share of its update that the client is to send; 0 is as configured.
	Density float64 `json:",omitempty"`
	// Outcomes are what became of the client's latest updates, oldest first; of the last two in a Sync.
	Outcomes []Outcome `json:",omitempty"`
	// Received is how many frames of update AckSeq the leader holds.
	AckSeq   uint64 `json:",omitempty"`
	Received uint32 `json:",omitempty"`
	// Epoch is the feedback epoch that the server has the client in: one that lost its memory begins above it. Only in a
	// Sync.
	Epoch uint32 `json:",omitempty"`
}

// Outcome is what became of an update. Admitted ones are news twice: when they are in the log, and with Version above 0
// when they are committed.
type Outcome struct {
	Seq     uint64
	Verdict ledger.Verdict
	Reason  ledger.Reason `json:",omitempty"`
	Version uint64        `json:",omitempty"`
}

// Settled says whether nothing more will become of the update.
func (o Outcome) Settled() bool { return o.Verdict != ledger.Admitted || o.Version > 0 }

// Report travels with an update, into the log and the record. Times are nanoseconds by the worker's own clock.
type Report struct {
	problem.Report
	Norm float64 // ||delta||_2
	// Cosine is that of the update with the direction in which the model moved up to its base, when selection asks for it.
	Cosine      *float64 `json:",omitempty"`
	Contraction float64
	ErrorNorm   float64
	Eta         float64 `json:",omitempty"`
	Waited      int64   // from the assignment, or from when the pipeline had room, until the base was held
	Computed    int64   // by local work
	Blocked     int64   // in which the client could not compute since it waited for the network, since its last report
	Downloaded  int     // bytes that brought it to the base; those that several clients of a worker share count for one
	Returned    int     // updates that went back into the client's memory since its last report
}

// Sound says whether a report can be true: nothing in it is negative, no time longer than a year, the cosine is one.
func (r *Report) Sound() bool {
	const year = int64(366 * 24 * time.Hour)
	for _, t := range []int64{r.Waited, r.Computed, r.Blocked} {
		if t < 0 || t > year {
			return false
		}
	}
	if c := r.Cosine; c != nil && !(*c >= -1 && *c <= 1) {
		return false
	}
	return min(r.Steps, r.Samples, r.Downloaded, r.Returned) >= 0
}

// Frame is one message of an update: the whole of one encoded frame, and with the first frame the report.
type Frame struct {
	Report *Report
	Bytes  []byte
}

// ErrMessage is returned for bytes that are no message of the protocol.
var ErrMessage = errors.New("transport: malformed message")

// AppendFrame adds the message to dst: the length of the report's JSON in two bytes, little-endian, the report, the
// frame.
func AppendFrame(dst []byte, f Frame) []byte {
	var report []byte
	if f.Report != nil {
		report = Encode(f.Report)
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(report)))
	dst = append(dst, report...)
	return append(dst, f.Bytes...)
}

// DecodeFrame reads what AppendFrame wrote, or returns ErrMessage. The frame's bytes are those of b.
func DecodeFrame(b []byte) (Frame, error) {
	if len(b) < 2 || len(b)-2 < int(binary.LittleEndian.Uint16(b)) {
		return Frame{}, fmt.Errorf("%w: a frame of %d bytes", ErrMessage, len(b))
	}
	n := int(binary.LittleEndian.Uint16(b))
	f := Frame{Bytes: b[2+n:]}
	if n == 0 {
		return f, nil
	}
	f.Report = new(Report)
	return f, Decode(b[2:2+n], f.Report)
}

// Want asks for a version: the newest, which is to be at least AtLeast.
type Want struct {
	Have    uint64 // 1 + the version that the asker holds; 0 for none
	AtLeast uint64
}

// Offer answers a Want. The bytes after it are part 0.
type Offer struct {
	Node    string
	Version uint64
	Whole   bool // the model itself, in frames of the identity compressor; else what changed, version after version
	Parts   int
	Bytes   int
	Behind  bool // the node has not got AtLeast yet: ask again
}

// Part asks for one part of what was offered. Its parts are whole frames, one after another.
type Part struct {
	Have    uint64
	Version uint64
	Whole   bool
	Part    int
}

// AppendOffer adds the answer to a Want to dst: the length of the offer's JSON in two bytes, the offer, part 0.
func AppendOffer(dst []byte, o Offer, part []byte) []byte {
	head := Encode(o)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(head)))
	return append(append(dst, head...), part...)
}

// DecodeOffer reads what AppendOffer wrote, or returns ErrMessage.
func DecodeOffer(b []byte) (o Offer, part []byte, err error) {
	if len(b) < 2 || len(b)-2 < int(binary.LittleEndian.Uint16(b)) {
		return Offer{}, nil, fmt.Errorf("%w: an offer of %d bytes", ErrMessage, len(b))
	}
	n := int(binary.LittleEndian.Uint16(b))
	return o, b[2+n:], Decode(b[2:2+n], &o)
}

// Control is an operator's order: stop the run, add a node, remove one.
type Control struct {
	Stop   string `json:",omitempty"` // why
	Add    string `json:",omitempty"` // a node's name
	Raft   string `json:",omitempty"` // and where its raft is
	Remove string `json:",omitempty"`
}

// ControlReply says whether it was done.
type ControlReply struct {
	Error string `json:",omitempty"`
}

// Encode is a message's JSON. It panics for what is no message.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Decode reads a message's JSON, or returns ErrMessage.
func Decode(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return nil
}
