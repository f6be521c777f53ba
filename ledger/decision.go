package ledger

import (
	"fmt"

	"weir/selection"
)

// Verdict is what became of an update.
type Verdict uint8

// The verdicts. An update that is admitted or late is decoded, so that the client's and the server's feedback memory
// stay equal; a late one weighs nothing.
const (
	Admitted Verdict = iota + 1
	Late
	Duplicate
	Refused
)

var verdictNames = [...]string{Admitted: "admitted", Late: "late", Duplicate: "duplicate", Refused: "refused"}

func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Decoded reports whether the update's frames reach the model.
func (v Verdict) Decoded() bool { return v == Admitted || v == Late }

// Reason says why an update was not admitted.
type Reason uint8

// The reasons.
const (
	None          Reason = iota
	UnknownClient        // never registered, or gone
	NotAssigned          // the client was not given this round, or the round was void
	UnknownBase          // the base is a version that does not exist yet
	BadFrame             // damaged, or of another shape than the model
	NotFinite            // NaN or Inf in a loss, a norm or a value
	OutOfStep            // the client's feedback memory is not where the server's is: it must start a new feedback epoch
	TooOld               // past staleness.max
	RoundOver            // after the deadline of its round
	RunOver              // after the end of the run
	lastReason    = RunOver
)

var reasonNames = [...]string{
	None: "", UnknownClient: "unknown client", NotAssigned: "not assigned", UnknownBase: "unknown base", BadFrame: "bad frame",
	NotFinite: "not finite", OutOfStep: "out of step",
	TooOld: "too old", RoundOver: "round over", RunOver: "run over",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Decision is what the ledger decided on one command. It is valid until the next Apply.
type Decision struct {
	Verdict   Verdict // of an admit; 0 for other commands
	Reason    Reason
	Staleness uint64           // of an admit that was decoded, in versions
	Weight    float64          // of an admit: the update's part of the window's sum
	Choice    selection.Choice // of an admit that was awaited: why its client had been chosen
	Commit    *Commit          // the window closed; nil if it did not
	Assign    []Assignment     // who works next
	Stopped   string           // why the run ended with this command: versions, time, target, or a stop's reason
}

// Commit is one new version: x_{Version} = x_{Version-1} - outer(Scale * sum of Weight * delta), with Rate times the
// configured outer rate.
type Commit struct {
	Version uint64
	Time    int64
	Scale   float64
	Rate    float64
	Updates []Entry // in the order in which they were admitted
}

// Weight is what an update of the commit counts in the version, before the outer optimiser's own rate.
func (c *Commit) Weight(e Entry) float64 { return float64(float64(c.Scale*c.Rate) * e.Weight) }

// Entry is one update in a window.
type Entry struct {
	Client    uint32
	Seq       uint64
	Staleness uint64
	Weight    float64 // before Scale
	Loss      float64
	Norm      float64
}

// Assignment tells a client to do its round Seq from version Base.
type Assignment struct {
	Client uint32
	Seq    uint64
	Base   uint64
	Choice selection.Choice // why; its density is what the update is to be compressed to
}
