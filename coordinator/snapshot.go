package coordinator

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hashicorp/raft"
	"github.com/klauspost/compress/s2"

	"weir/journal"
	"weir/ledger"
	"weir/record"
	"weir/vec"
)

// snapshotHead is a snapshot's scalars; the model and the record's rows follow it.
type snapshotHead struct {
	Format   int
	Genesis  *genesis
	Entries  uint64
	Time     int64
	Finished bool
	Clients  []clientState
	Partial  partial
	Journal  []byte
	Ledger   []byte
	Rows     bool // the record's files follow the model
}

const snapshotFormat = 1

// frozen is a snapshot that is being written: scalars that were copied, vectors that are shared with the live model, and
// the record's files up to where they were.
type frozen[T vec.Float] struct {
	head  snapshotHead
	model *ledger.Frozen[T]
	rows  *record.Frozen
	thaw  func()
}

// Snapshot is raft's to call, between two entries. It copies scalars only.
func (n *node[T]) Snapshot() (raft.FSMSnapshot, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken != nil {
		return nil, n.broken
	}
	s := n.state
	model, err := s.machine.Model.Freeze()
	if err != nil {
		return nil, err
	}
	var j bytes.Buffer
	if err := gob.NewEncoder(&j).Encode(s.journal); err != nil {
		return nil, err
	}
	f := &frozen[T]{model: model, head: snapshotHead{
		Format: snapshotFormat, Genesis: s.genesis, Entries: s.entries, Time: s.time, Finished: s.finished,
		Clients: slices.Clone(s.clients),
		Partial: partial{s.partial.Client, s.partial.Seq, s.partial.Count, bytes.Clone(s.partial.Bytes)},
		Journal: j.Bytes(), Ledger: s.machine.Ledger.AppendSnapshot(nil), Rows: n.rec != nil,
	}}
	if n.rec != nil {
		if f.rows, err = n.rec.Freeze(); err != nil {
			return nil, err
		}
	}
	f.thaw = func() {
		n.mu.Lock()
		s.machine.Model.Thaw(model)
		n.mu.Unlock()
	}
	n.logged, n.commits = 0, 0
	return f, nil
}

// Persist writes the snapshot while the run goes on.
func (f *frozen[T]) Persist(sink raft.SnapshotSink) error {
	out := bufio.NewWriterSize(sink, 1<<20)
	err := f.write(out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (f *frozen[T]) write(out io.Writer) error {
	var head bytes.Buffer
	if err := gob.NewEncoder(&head).Encode(f.head); err != nil {
		return err
	}
	if err := writeSection(out, func(w io.Writer) error { _, err := w.Write(head.Bytes()); return err }); err != nil {
		return err
	}
	if err := writeSection(out, func(w io.Writer) error { _, err := f.model.WriteTo(w); return err }); err != nil {
		return err
	}
	if f.rows == nil {
		return nil
	}
	for _, rows := range []io.Reader{f.rows.Versions, f.rows.Updates} {
		err := writeSection(out, func(w io.Writer) error {
			packed := s2.NewWriter(w)
			_, err := io.Copy(packed, rows)
			return errors.Join(err, packed.Close())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Release ends the snapshot.
func (f *frozen[T]) Release() {
	f.thaw()
	if f.rows != nil {
		f.rows.Close()
	}
}

// A section is pieces, each with its length in four bytes, little-endian, and a length of 0 after the last.

type sectionWriter struct{ out io.Writer }

func (s sectionWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(b)))
	if _, err := s.out.Write(length[:]); err != nil {
		return 0, err
	}
	return s.out.Write(b)
}

func writeSection(out io.Writer, write func(io.Writer) error) error {
	pieces := bufio.NewWriterSize(sectionWriter{out}, 1<<18)
	if err := write(pieces); err != nil {
		return err
	}
	if err := pieces.Flush(); err != nil {
		return err
	}
	_, err := out.Write(make([]byte, 4))
	return err
}

// sectionReader reads one section.
type sectionReader struct {
	in   io.Reader
	left uint32
	end  bool
}

func (s *sectionReader) Read(b []byte) (int, error) {
	for s.left == 0 {
		if s.end {
			return 0, io.EOF
		}
		var length [4]byte
		if _, err := io.ReadFull(s.in, length[:]); err != nil {
			return 0, err
		}
		s.left = binary.LittleEndian.Uint32(length[:])
		s.end = s.left == 0
	}
	n, err := s.in.Read(b[:min(len(b), int(s.left))])
	s.left -= uint32(n)
	return n, err
}

// Restore is raft's to call, before any entry or when this node is too far behind for entries.
func (n *node[T]) Restore(snapshot io.ReadCloser) error {
	defer snapshot.Close()
	in := bufio.NewReaderSize(snapshot, 1<<20)
	var head snapshotHead
	text, err := io.ReadAll(&sectionReader{in: in})
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(text)).Decode(&head)
	}
	if err != nil {
		return fmt.Errorf("coordinator: reading a snapshot: %w", err)
	}
	if head.Format != snapshotFormat {
		return fmt.Errorf("coordinator: a snapshot of format %d, this build reads %d", head.Format, snapshotFormat)
	}
	model, err := io.ReadAll(&sectionReader{in: in})
	if err != nil {
		return fmt.Errorf("coordinator: reading a snapshot: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	err = n.restoreRows(head.Rows, in)
	if err == nil {
		err = n.restoreState(&head, model)
	}
	if err == nil && n.recorder != nil {
		err = n.recorder.skip(head.Entries)
	}
	if err != nil {
		n.breakDown(err)
	}
	return err
}

func (n *node[T]) restoreRows(present bool, in io.Reader) error {
	if n.rec == nil || !present {
		return nil
	}
	versions, updates := s2.NewReader(&sectionReader{in: in}), io.Reader(nil)
	rec, err := n.rec.Replace(versions, func() io.Reader {
		updates = s2.NewReader(&sectionReader{in: in})
		return updates
	})
	if err != nil {
		return fmt.Errorf("coordinator: restoring the record: %w", err)
	}
	n.rec = rec
	return nil
}

func (n *node[T]) restoreState(head *snapshotHead, model []byte) error {
	s, err := newState(n.cfg.Run, n.problem, nil)
	if err != nil {
		return err
	}
	s.genesis, s.entries, s.time, s.finished, s.clients, s.partial = head.Genesis, head.Entries, head.Time, head.Finished, head.Clients, head.Partial
	if head.Genesis != nil {
		if err := s.compare(*head.Genesis); err != nil {
			return err
		}
	}
	if err := errors.Join(s.machine.Ledger.Restore(head.Ledger), s.machine.Model.Restore(model)); err != nil {
		return err
	}
	s.journal = new(journal.Journal)
	if err := gob.NewDecoder(bytes.NewReader(head.Journal)).Decode(s.journal); err != nil {
		return err
	}
	s.frames.first = s.machine.Ledger.Version() + 1
	err = s.journal.Record(n.rows())
	n.state, n.at = s, time.Now()
	if s.finished {
		err = errors.Join(err, n.finish())
	}
	return err
}
