package spill

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"weir/compress"
)

func codec(t *testing.T) *compress.Codec[float32] {
	t.Helper()
	cfg := compress.DefaultConfig()
	cfg.Kind, cfg.K, cfg.Feedback = "topk", 3, "ef21"
	c, err := compress.NewCodec[float32](cfg, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A store with room for a few mirrors holds the same as one with room for all, whatever is used in whatever order.
func TestSpilledMirrorsAreTheSame(t *testing.T) {
	c := codec(t)
	dir := t.TempDir()
	few, err := New(c, 4*100, dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := New(c, 1<<30, dir)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	encoder := c.NewEncoder()
	memories := map[uint32]*compress.Memory[float32]{}
	sum := make([]float32, 20)
	for range 2000 {
		client := uint32(random.IntN(50))
		if few.Has(client) != all.Has(client) {
			t.Fatalf("client %d: one store knows it", client)
		}
		if memories[client] == nil {
			memories[client] = c.NewMemory(0)
		}
		g := make([]float32, 20)
		for i := range g {
			g[i] = float32(random.NormFloat64())
		}
		update, _, err := encoder.Encode(nil, compress.ID{Client: client}, memories[client], g)
		if err != nil {
			t.Fatal(err)
		}
		f, _, err := c.Parse(update)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Mirrors[float32]{few, all} {
			c.Advance(s.Get(client), sum, 1, f)
		}
		if a, b := few.Get(client).Append(nil), all.Get(client).Append(nil); !bytes.Equal(a, b) {
			t.Fatalf("client %d: the mirrors differ", client)
		}
	}
	if few.recent.Len() > few.room || len(few.onDisk) == 0 || len(all.onDisk) > 0 {
		t.Errorf("%d mirrors in memory with room for %d, %d on disk", few.recent.Len(), few.room, len(few.onDisk))
	}
	for _, s := range []*Mirrors[float32]{few, all} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// When the disk refuses, mirrors stay in memory and Close tells.
func TestFullDiskLosesNothing(t *testing.T) {
	s, err := New(codec(t), 0, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.file.Close() // every write fails from here
	first := s.Get(1)
	s.Get(2)
	if s.Get(1) != first {
		t.Error("a mirror that could not be written is gone")
	}
	if s.Close() == nil {
		t.Error("Close does not tell that writing failed")
	}
}
