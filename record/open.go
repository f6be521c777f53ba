package record

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"weir/config"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What is kept in memory of a run, however long it was.
const (
	keptVersions = 2000   // at most, evenly thinned
	keptUpdates  = 20_000 // the first
	keptReasons  = 50     // different ones
)

// Loaded is a run read back from its folder, in bounded memory.
type Loaded struct {
	Dir    string
	Config []byte // config.yaml
	// Summary is summary.json. A run that was killed left none: then it holds what the rows tell, and StoppedBy is
	// "killed".
	Summary Summary
	// Versions and Evaluated are the committed versions, and those of them that were evaluated: at most 2000 of each,
	// evenly thinned, the first and the last always among them.
	Versions, Evaluated []VersionRow
	// Commits are the first versions, not thinned, and Updates the first updates: what happened early in the run.
	Commits []VersionRow
	Updates []UpdateRow
	// Reasons counts why updates were not admitted.
	Reasons map[string]int

	settings []config.Setting // config.yaml, flat
}

// Open reads the run in dir. A last line that a killed process left unfinished is passed over; any other damage is an
// error that names the file and the line.
func Open(dir string) (*Loaded, error) {
	l, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the run in %s: %w", dir, err)
	}
	return l, nil
}

func open(dir string) (*Loaded, error) {
	l := &Loaded{Dir: dir, Reasons: map[string]int{}}
	var err error
	l.Config, err = os.ReadFile(filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no %s there: this is not a run's folder", configFile)
	} else if err != nil {
		return nil, err
	}
	if l.settings, err = config.Flatten(l.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	var rebuilt tally
	if err := l.readVersions(&rebuilt); err != nil {
		return nil, err
	}
	if err := l.readUpdates(&rebuilt); err != nil {
		return nil, err
	}
	found, err := readSummary(filepath.Join(dir, summaryFile), &l.Summary)
	if err != nil {
		return nil, err
	}
	if !found {
		l.Summary = rebuilt.summary(l)
	}
	return l, nil
}

func (l *Loaded) readVersions(t *tally) error {
	all, evaluated := thinned[VersionRow]{max: keptVersions}, thinned[VersionRow]{max: keptVersions}
	err := eachVersion(l.Dir, func(v VersionRow) {
		all.add(v)
		if v.Metrics != nil {
			evaluated.add(v)
		}
		if len(l.Commits) < keptVersions {
			l.Commits = append(l.Commits, v)
		}
		t.version(v)
	})
	l.Versions, l.Evaluated = all.rows(), evaluated.rows()
	return err
}

func (l *Loaded) readUpdates(t *tally) error {
	return eachUpdate(l.Dir, func(u UpdateRow) {
		if len(l.Updates) < keptUpdates {
			l.Updates = append(l.Updates, u)
		}
		if _, seen := l.Reasons[u.Reason]; u.Reason != "" && (seen || len(l.Reasons) < keptReasons) {
			l.Reasons[u.Reason]++
		}
		t.update(u)
	})
}

func readSummary(path string, s *Summary) (found bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	err = s.UnmarshalJSON(b)
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		return false, fmt.Errorf("%s line %d: %w", path, lineOf(b, syntax.ByteOffset), syntax)
	case errors.As(err, &semantic):
		return false, fmt.Errorf("%s line %d: %w", path, lineOf(b, semantic.ByteOffset), semantic)
	}
	return err == nil, err
}

func lineOf(b []byte, offset int64) int {
	return 1 + bytes.Count(b[:min(offset, int64(len(b)))], []byte("\n"))
}

// thinned keeps at most max of the values that it is given, evenly spaced, and the last one.
type thinned[T any] struct {
	max    int
	kept   []T
	last   T
	seen   int
	stride int // one value in stride is kept
}

func (t *thinned[T]) add(v T) {
	t.stride = max(t.stride, 1)
	if t.seen%t.stride == 0 {
		if len(t.kept) == t.max-1 { // the last one needs its place
			half := t.kept[:0]
			for i := 0; i < len(t.kept); i += 2 {
				half = append(half, t.kept[i])
			}
			t.kept = half
			t.stride *= 2
		}
		if t.seen%t.stride == 0 {
			t.kept = append(t.kept, v)
		}
	}
	t.seen++
	t.last = v
}

func (t *thinned[T]) rows() []T {
	if t.seen > 0 && (t.seen-1)%t.stride != 0 {
		return append(t.kept, t.last)
	}
	return t.kept
}

// setting is the value of a config key; empty when the config has no such key.
func (l *Loaded) setting(key string) string {
	for _, s := range l.settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
