package ledger

import (
	"bytes"
	"encoding/gob"
	"os"
	"path/filepath"
	"testing"

	"weir/aggregate"
	"weir/compress"
)

// recording is a run's log with all that is needed to replay it; simulate/recording_test.go makes them.
type recording struct {
	Config   Config
	Outer    aggregate.OuterConfig
	Compress compress.Config
	Start    []float32
	Log      []byte
	Digest   string // of the machine at the end
}

// What is replicated is equal on every build: a machine that is fed a recorded log has the digest of the machine that
// was recorded, under GOAMD64=v1 and v3, with assembly and without, on amd64 and arm64.
func TestRecordedLogsReplayToTheirDigests(t *testing.T) {
	files, err := filepath.Glob("testdata/*.recording")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := readRecording(t, file)
			m, err := NewMachine(r.Config, r.Compress, r.Outer, r.Start)
			if err != nil {
				t.Fatal(err)
			}
			for log := r.Log; len(log) > 0; {
				c, update, rest, err := NextEntry(log)
				if err != nil {
					t.Fatal(err)
				}
				m.Apply(c, update)
				log = rest
			}
			if m.Ledger.Version() == 0 || m.Ledger.Counts().Committed == 0 {
				t.Fatal("the recording commits nothing")
			}
			if got := m.Digest(); got != r.Digest {
				t.Errorf("digest %s, recorded %s", got, r.Digest)
			}
		})
	}
}

func readRecording(t *testing.T, file string) (r recording) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(b)).Decode(&r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
