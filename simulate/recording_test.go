package simulate

import (
	"bytes"
	"context"
	"encoding/gob"
	"flag"
	"os"
	"testing"

	"weir/aggregate"
	"weir/compress"
	"weir/ledger"
	"weir/problem"
	"weir/problem/kinds"
)

var update = flag.Bool("update", false, "record the logs that ledger's replay test is fed")

// recording is what ledger/replay_test.go reads.
type recording struct {
	Config   ledger.Config
	Outer    aggregate.OuterConfig
	Compress compress.Config
	Start    []float32
	Log      []byte
	Digest   string
}

// A run's log alone rebuilds its ledger and its model, under every policy and optimiser. With -update the logs become
// ledger/testdata/*.recording, from which other builds must come to the same digests.
func TestLogRebuildsTheRun(t *testing.T) {
	for name, sets := range map[string][]string{
		"fedfix-adam":       {"aggregate.kind=fedfix", "outer={kind: adam}", "staleness={kind: exponential, a: 0.3}"},
		"fedasync-nesterov": {"aggregate.kind=fedasync", "compress={kind: topk, density: 0.05, values: int8, feedback: econtrol}"},
		"co2-gap":           {"aggregate={kind: co2, deadline: 2s}", "outer={kind: co2}", "clients.concurrency=20", "clients.dropout=0", "staleness={kind: gap}", "compress={kind: topk, density: 0.05, feedback: ec}"},
		"co2-elementwise":   {"aggregate={kind: co2}", "outer={kind: co2, penalty: gap-elementwise, clip: norm, phi: 0.001}", "clients.concurrency=20", "clients.dropout=0", "staleness={kind: ess}", "compress={kind: topk, density: 0.05, feedback: none}"},
		"fedavg-sgd":        {"aggregate={kind: fedavg, deadline: 2s}", "outer={kind: sgd}", "compress={kind: topk, density: 0.05, feedback: ec}"},
		"fedbuff-quant":     {"aggregate={kind: fedbuff, size: 4}", "compress={kind: quant, values: int4, feedback: ef21, down: {kind: topk, density: 0.1, values: int8}}"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := load(t, "small.yaml", append(sets, "problem.model.kind=logistic", "stop.versions=12")...)
			opened, err := kinds.Open(cfg, "")
			if err != nil {
				t.Fatal(err)
			}
			p := opened.(problem.Problem[float32])
			rec := recording{Outer: cfg.Outer, Compress: cfg.Compress, Start: make([]float32, p.Dim())}
			p.Start(rec.Start)
			opt := Options{Log: func(c ledger.Command, update []byte) error {
				rec.Log = ledger.AppendEntry(rec.Log, &c, update)
				return nil
			}}
			r, err := prepare(context.Background(), cfg, opt, p)
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			rec.Config = cfg.Ledger()
			if err := r.launch(); err != nil {
				t.Fatal(err)
			}
			if err := r.loop(context.Background()); err != nil {
				t.Fatal(err)
			}
			rec.Digest = r.machine.Digest()
			replays(t, rec)
			if !*update {
				return
			}
			var b bytes.Buffer
			if err := gob.NewEncoder(&b).Encode(rec); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile("../ledger/testdata/"+name+".recording", b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func replays(t *testing.T, rec recording) {
	m, err := ledger.NewMachine(rec.Config, rec.Compress, rec.Outer, rec.Start)
	if err != nil {
		t.Fatal(err)
	}
	for log := rec.Log; len(log) > 0; {
		c, update, rest, err := ledger.NextEntry(log)
		if err != nil {
			t.Fatal(err)
		}
		m.Apply(c, update)
		log = rest
	}
	if got := m.Digest(); got != rec.Digest {
		t.Errorf("the log rebuilds %s, the run came to %s", got, rec.Digest)
	}
}
