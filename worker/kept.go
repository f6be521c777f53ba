package worker

import (
	"weir/compress"
	"weir/vec"
)

// Kept is what a worker's folder holds of a client: a check that nothing was lost adds it to what was committed.
type Kept[T vec.Float] struct {
	Settled uint64            // rounds up to here are over
	Outbox  map[uint64][]byte // by round: the frames of updates that are not settled
	Memory  *compress.Memory[T]
}

// ReadKept reads a client's file; it returns nil when there is none.
func ReadKept[T vec.Float](cfg Config, codec *compress.Codec[T], client uint32) (*Kept[T], error) {
	s, err := loadState(codec, cfg.Dir, string(cfg.Run.YAML()), client)
	if s == nil {
		return nil, err
	}
	k := &Kept[T]{Settled: s.settled, Outbox: map[uint64][]byte{}, Memory: s.memory}
	for _, u := range s.outbox {
		k.Outbox[u.seq] = u.bytes
	}
	return k, nil
}
