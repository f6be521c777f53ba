package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
)

// snapshotVersion is the first byte of a snapshot. It rises with every change of the encoding.
const snapshotVersion = 5

// ErrSnapshot is returned for bytes that are no snapshot of a ledger, or of one with another configuration.
var ErrSnapshot = errors.New("ledger: not a snapshot that fits")

// AppendSnapshot adds the whole state to dst: equal ledgers give equal bytes.
func (l *Ledger) AppendSnapshot(dst []byte) []byte {
	w := writer(append(dst, snapshotVersion))
	w.bytes(must(l.source.MarshalBinary()))
	w.uint(l.version, l.windows, uint64(l.opened), uint64(l.span), l.retimeAt, bit(l.started), l.samples, uint64(l.working), bit(l.changed))
	w.bytes([]byte(l.stopped))
	w.uint(uint64(len(l.clients)))
	for i := range l.clients {
		k := &l.clients[i]
		w.uint(k.samples, uint64(k.cycle), uint64(k.took), k.seq, k.admitted, k.committed, math.Float64bits(k.share), uint64(k.state)<<1|bit(k.listed))
	}
	l.appendSelection(&w)
	w.ids(l.free)
	w.ids(l.round)
	w.uint(uint64(len(l.window)))
	for _, e := range l.window {
		w.uint(uint64(e.Client), e.Seq, e.Staleness, math.Float64bits(e.Weight), math.Float64bits(e.Loss), math.Float64bits(e.Norm))
	}
	w.uint(math.Float64bits(l.parts), uint64(len(l.measures)))
	w.floats(l.measures)
	w.uint(l.counts.Admitted, l.counts.Committed, l.counts.Late, l.counts.Duplicate, l.counts.Refused)
	w.uint(l.age.Sum, l.age.Max)
	w.uint(l.age.Counts[:]...)
	median, stale := l.weigher.State()
	w.uint(math.Float64bits(median), uint64(stale))
	if p := l.path; p != nil {
		w.uint(p.Version, math.Float64bits(p.Power))
		w.floats(p.Covered[:])
	}
	return w
}

// Restore replaces the state by that of a snapshot of a ledger with the same configuration, or returns ErrSnapshot
// and leaves the ledger unusable.
func (l *Ledger) Restore(snapshot []byte) error {
	if len(snapshot) == 0 || snapshot[0] != snapshotVersion {
		return fmt.Errorf("%w: unknown version", ErrSnapshot)
	}
	r := reader{rest: snapshot[1:]}
	if err := l.source.UnmarshalBinary(r.bytes()); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	l.version, l.windows, l.opened = r.uint(), r.uint(), int64(r.uint())
	if err := l.follow(int64(r.uint())); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	l.retimeAt = r.uint()
	l.started, l.samples, l.working, l.changed = r.uint() != 0, r.uint(), int(r.uint()), r.uint() != 0
	l.stopped = string(r.bytes())
	l.clients = make([]client, r.count(8*8))
	for i := range l.clients {
		k := &l.clients[i]
		k.samples, k.cycle, k.took, k.seq, k.admitted, k.committed = r.uint(), int64(r.uint()), int64(r.uint()), r.uint(), r.uint(), r.uint()
		k.share = r.float()
		bits := r.uint()
		k.state, k.listed = state(bits>>1), bits&1 != 0
	}
	l.restoreSelection(&r)
	l.free, l.round = r.ids(len(l.clients)), r.ids(len(l.clients))
	l.window = make([]Entry, r.count(6*8))
	for i := range l.window {
		l.window[i] = Entry{Client: uint32(r.uint()), Seq: r.uint(), Staleness: r.uint(), Weight: r.float(), Loss: r.float(), Norm: r.float()}
		if int(l.window[i].Client) >= len(l.clients) {
			return fmt.Errorf("%w: update of client %d", ErrSnapshot, l.window[i].Client)
		}
	}
	l.parts = r.float()
	l.measures = make([]float64, r.count(8))
	r.floats(l.measures)
	l.counts = Counts{Admitted: r.uint(), Committed: r.uint(), Late: r.uint(), Duplicate: r.uint(), Refused: r.uint()}
	l.age.Sum, l.age.Max = r.uint(), r.uint()
	for i := range l.age.Counts {
		l.age.Counts[i] = r.uint()
	}
	median, stale := r.float(), int(r.uint())
	if p := l.path; p != nil {
		p.Version, p.Power = r.uint(), r.float()
		r.floats(p.Covered[:])
	}
	if r.failed || len(r.rest) > 0 {
		return fmt.Errorf("%w: damaged", ErrSnapshot)
	}
	if l.weigher.Unbiased() && len(l.clients) > 0 && !l.changed {
		l.weigher.Reset(len(l.clients), l.population())
	}
	l.weigher.SetState(median, stale)
	return nil
}

// Digest is the SHA-256 of the state, in hexadecimal.
func (l *Ledger) Digest() string {
	sum := sha256.Sum256(l.AppendSnapshot(nil))
	return hex.EncodeToString(sum[:])
}

// writer appends little-endian words.
type writer []byte

func (w *writer) uint(values ...uint64) {
	for _, v := range values {
		*w = binary.LittleEndian.AppendUint64(*w, v)
	}
}

func (w *writer) floats(values []float64) {
	for _, v := range values {
		w.uint(math.Float64bits(v))
	}
}

func (w *writer) bytes(b []byte) {
	w.uint(uint64(len(b)))
	*w = append(*w, b...)
}

func (w *writer) ids(ids []uint32) {
	w.uint(uint64(len(ids)))
	for _, id := range ids {
		*w = binary.LittleEndian.AppendUint32(*w, id)
	}
}

// reader takes apart what writer wrote. After a fault everything reads as zero and failed is set.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) float() float64 { return math.Float64frombits(r.uint()) }

func (r *reader) floats(values []float64) {
	for i := range values {
		values[i] = r.float()
	}
}

// count reads a number of items that take size bytes each, which cannot be more than there are bytes for.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.rest)/size) {
		r.failed = true
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte { return slices.Clone(r.take(r.count(1))) }

func (r *reader) ids(limit int) []uint32 {
	ids := make([]uint32, r.count(4))
	for i := range ids {
		if b := r.take(4); b != nil {
			ids[i] = binary.LittleEndian.Uint32(b)
		}
		if int(ids[i]) >= limit {
			r.failed = true
			return nil
		}
	}
	return ids
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// must is for encoders that cannot fail on the value they are given.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// must2 is must for two values.
func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}
