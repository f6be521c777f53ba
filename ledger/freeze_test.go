package ledger

import (
	"bytes"
	"path/filepath"
	"testing"
)

// A frozen model is written as it was when it was frozen, however far the live one has gone since, and freezing changes
// nothing: the machine still ends with the recorded digest.
func TestFrozenModelStaysAsItWas(t *testing.T) {
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
			var frozen *Frozen[float32]
			var want []byte
			for i, log := 0, r.Log; len(log) > 0; i++ {
				c, update, rest, err := NextEntry(log)
				if err != nil {
					t.Fatal(err)
				}
				if i%7 == 0 {
					want = m.Model.AppendSnapshot(nil)
					if frozen, err = m.Model.Freeze(); err != nil {
						t.Fatal(err)
					}
				}
				m.Apply(c, update)
				log = rest
				if i%7 == 6 {
					var got bytes.Buffer
					if n, err := frozen.WriteTo(&got); err != nil || n != int64(got.Len()) {
						t.Fatal(n, err)
					}
					m.Model.Thaw(frozen)
					if !bytes.Equal(got.Bytes(), want) {
						t.Fatalf("entry %d: the frozen model changed", i)
					}
				}
			}
			if got := m.Digest(); got != r.Digest {
				t.Errorf("digest %s, recorded %s", got, r.Digest)
			}
		})
	}
}
