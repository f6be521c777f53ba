package worker

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"weir/compress"
	"weir/config"
	"weir/transport"
)

// someState is a client's state after two rounds under a rule with every kind of memory.
func someState(t *testing.T, random *rapid.T) (config.Config, *compress.Codec[float64], saved[float64]) {
	cfg := testConfig(t, func(c *config.Config) {
		c.Compress.Kind, c.Compress.K, c.Compress.Feedback, c.Compress.Eta = "topk", 2, "econtrol", 0.25
	})
	codec, err := compress.NewCodec[float64](cfg.Compress, 7, cfg.Seed)
	if err != nil {
		t.Fatal(err)
	}
	s := saved[float64]{settled: rapid.Uint64Max(1<<40).Draw(random, "settled"), memory: codec.NewMemory(3)}
	encoder := codec.NewEncoder()
	for i := range rapid.IntRange(0, 2).Draw(random, "updates") {
		delta := rapid.SliceOfN(rapid.Float64Range(-1, 1), 7, 7).Draw(random, "delta")
		id := compress.ID{Client: 2, Seq: s.settled + uint64(i) + 1, Base: 9}
		frames, stats, err := encoder.Encode(nil, id, s.memory, delta)
		if err != nil {
			t.Fatal(err)
		}
		u, err := newUpdate(codec, id.Seq, id.Base, transport.Report{Norm: stats.Norm, Returned: i}, frames)
		if err != nil {
			t.Fatal(err)
		}
		s.outbox = append(s.outbox, u)
	}
	return cfg, codec, s
}

func TestStateComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg, codec, s := someState(t, rt)
		dir := t.TempDir()
		file := appendState(nil, string(cfg.YAML()), 2, s)
		if err := os.WriteFile(statePath(dir, 2), file, 0o644); err != nil { // writeState would wait for the disk
			t.Fatal(err)
		}
		back, err := loadState(codec, dir, string(cfg.YAML()), 2)
		if err != nil {
			t.Fatal(err)
		}
		if again := appendState(nil, string(cfg.YAML()), 2, *back); !slices.Equal(again, file) {
			rt.Error("it is written in other bytes")
		}
		if back.settled != s.settled || len(back.outbox) != len(s.outbox) || back.memory.Epoch() != 3 {
			rt.Errorf("got %+v", back)
		}
		for i, u := range s.outbox {
			if d := cmp.Diff(u, back.outbox[i], cmp.AllowUnexported(update{})); d != "" {
				rt.Error(d)
			}
		}
	})
}

// No byte of a file can be changed or be missing without being noticed, and the fault says what to do.
func TestDamagedStateIsNamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg, codec, s := someState(t, rt)
		file := appendState(nil, string(cfg.YAML()), 2, s)
		at := rapid.IntRange(0, len(file)-1).Draw(rt, "at")
		if rapid.Bool().Draw(rt, "cut") {
			file = file[:at]
		} else {
			file[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		}
		dir := t.TempDir()
		if err := os.WriteFile(statePath(dir, 2), file, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := loadState(codec, dir, string(cfg.YAML()), 2)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), filepath.Join(dir, "client-2.state")) || !strings.Contains(err.Error(), "remove it") {
			rt.Errorf("got %v", err)
		}
	})
}

func TestStateOfAnotherRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg, codec, s := someState(t, rt)
		dir := t.TempDir()
		if err := os.WriteFile(statePath(dir, 2), appendState(nil, string(cfg.YAML()), 2, s), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg.Local.LR = 0.5
		_, err := loadState(codec, dir, string(cfg.YAML()), 2)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "local.lr: 0.5 here, 0.05 in the run") {
			rt.Errorf("got %v", err)
		}
		if s, err := loadState(codec, dir, string(cfg.YAML()), 3); s != nil || err != nil {
			rt.Errorf("a client without a file has %v, %v", s, err)
		}
	})
}
