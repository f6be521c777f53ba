package ledger

import (
	"slices"

	"weir/compress"
	"weir/vec"
)

// Mirrors keeps the server's copies of the clients' h under a feedback rule that mirrors it: a vector of d for every
// client that was heard. The model asks for one at a time.
type Mirrors[T vec.Float] interface {
	// Has reports whether the client has a mirror.
	Has(client uint32) bool
	// Get returns the client's mirror, a new one if it has none. It may be changed until the next call.
	Get(client uint32) *compress.Mirror[T]
	// Set gives the client a mirror.
	Set(client uint32, m *compress.Mirror[T])
}

// KeepMirrors makes the model keep its mirrors in store instead of in memory. It comes before the first update.
func (m *Model[T]) KeepMirrors(store Mirrors[T]) { m.mirrors = store }

// inMemory is a Mirrors without a bound.
type inMemory[T vec.Float] struct {
	codec   *compress.Codec[T]
	mirrors []*compress.Mirror[T]
	frozen  []bool // by client: a snapshot shares the mirror
}

func (s *inMemory[T]) Has(client uint32) bool {
	return int(client) < len(s.mirrors) && s.mirrors[client] != nil
}

func (s *inMemory[T]) Get(client uint32) *compress.Mirror[T] {
	if !s.Has(client) {
		s.Set(client, s.codec.NewMirror())
	}
	if int(client) < len(s.frozen) && s.frozen[client] {
		s.frozen[client] = false
		s.mirrors[client] = s.mirrors[client].Clone()
	}
	return s.mirrors[client]
}

func (s *inMemory[T]) Set(client uint32, m *compress.Mirror[T]) {
	for int(client) >= len(s.mirrors) {
		s.mirrors = append(s.mirrors, nil)
	}
	s.mirrors[client] = m
}

// freeze returns the mirrors as they are; whichever changes after this is copied first.
func (s *inMemory[T]) freeze() *inMemory[T] {
	s.frozen = make([]bool, len(s.mirrors))
	for i := range s.frozen {
		s.frozen[i] = true
	}
	return &inMemory[T]{codec: s.codec, mirrors: slices.Clone(s.mirrors)}
}
