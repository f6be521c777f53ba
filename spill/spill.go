// Package spill keeps the server's mirrors of many clients in bounded memory: the ones used last in memory, the others
// in a file.
package spill

import (
	"container/list"
	"fmt"
	"os"

	"weir/compress"
	"weir/vec"
)

// Mirrors is a ledger.Mirrors. A mirror that cannot be written stays in memory, past the budget: nothing is lost to a
// full disk, and Close says what happened.
type Mirrors[T vec.Float] struct {
	codec *compress.Codec[T]
	file  *os.File
	size  int // bytes of a mirror
	room  int // mirrors in memory, at least 1

	recent *list.List // of entries, the last used first
	inside map[uint32]*list.Element
	onDisk map[uint32]bool
	fault  error // the first that writing met
}

type entry[T vec.Float] struct {
	client uint32
	mirror *compress.Mirror[T]
}

// New returns an empty store that keeps up to budget bytes of mirrors in memory and the rest in a temporary file in dir
// ("" is the system's own place).
func New[T vec.Float](codec *compress.Codec[T], budget int64, dir string) (*Mirrors[T], error) {
	file, err := os.CreateTemp(dir, "weir-mirrors-*")
	if err != nil {
		return nil, fmt.Errorf("spilling decoder memory: %w", err)
	}
	size := len(codec.NewMirror().Append(nil))
	return &Mirrors[T]{
		codec: codec, file: file, size: size, room: max(1, int(budget/int64(size))),
		recent: list.New(), inside: map[uint32]*list.Element{}, onDisk: map[uint32]bool{},
	}, nil
}

// Has reports whether the client has a mirror.
func (s *Mirrors[T]) Has(client uint32) bool { return s.inside[client] != nil || s.onDisk[client] }

// Get returns the client's mirror, a new one if it has none; it may be changed until the next call. It panics when a
// mirror that was written cannot be read back: the state it is part of is gone.
func (s *Mirrors[T]) Get(client uint32) *compress.Mirror[T] {
	if e := s.inside[client]; e != nil {
		s.recent.MoveToFront(e)
		return e.Value.(entry[T]).mirror
	}
	m := s.codec.NewMirror()
	if s.onDisk[client] {
		m = s.read(client)
	}
	s.Set(client, m)
	return m
}

func (s *Mirrors[T]) read(client uint32) *compress.Mirror[T] {
	b := make([]byte, s.size)
	_, err := s.file.ReadAt(b, int64(client)*int64(s.size))
	if err == nil {
		var m *compress.Mirror[T]
		if m, err = s.codec.RestoreMirror(b); err == nil {
			return m
		}
	}
	panic(fmt.Errorf("reading the decoder memory of client %d back from %s: %w", client, s.file.Name(), err))
}

// Set gives the client a mirror.
func (s *Mirrors[T]) Set(client uint32, m *compress.Mirror[T]) {
	if e := s.inside[client]; e != nil {
		s.recent.Remove(e)
	}
	s.inside[client] = s.recent.PushFront(entry[T]{client, m})
	for s.recent.Len() > s.room && s.evict() {
	}
}

// evict writes the mirror that was not used for the longest time, and reports whether it could.
func (s *Mirrors[T]) evict() bool {
	e := s.recent.Back()
	old := e.Value.(entry[T])
	if _, err := s.file.WriteAt(old.mirror.Append(nil), int64(old.client)*int64(s.size)); err != nil {
		if s.fault == nil {
			s.fault = fmt.Errorf("spilling decoder memory: %w", err)
		}
		return false
	}
	s.recent.Remove(e)
	delete(s.inside, old.client)
	s.onDisk[old.client] = true
	return true
}

// Close removes the file and returns the first fault that writing to it met.
func (s *Mirrors[T]) Close() error {
	s.file.Close()
	os.Remove(s.file.Name()) //nolint:errcheck // a temporary file
	return s.fault
}
