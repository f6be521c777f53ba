package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"

	"weir/config"
	"weir/ledger"
	"weir/problem"
	"weir/problem/kinds"
	"weir/vec"
)

// Replayed is what a recorded log came to.
type Replayed struct {
	Entries  uint64 `json:"entries"`
	Versions uint64 `json:"versions"`
	Checked  uint64 `json:"checked"` // versions whose digest the log has
	Updates  uint64 `json:"updates"` // that were committed
	Digest   string `json:"model_digest"`
	Stopped  string `json:"stopped_by"`
}

// ErrReplay is wrapped by the error of Replay for a log that does not lead to what it says.
var ErrReplay = errors.New("the log does not lead to what it says")

// Replay rebuilds every version of a run from the log that a node recorded, and fails at the first whose digest is not the
// one in the log. Folders are those of nodes of one run, or copies: what one of them lacks another may have. Progress is
// called now and then and may be nil.
func Replay(ctx context.Context, cfg config.Config, data string, folders []string, progress func(Replayed)) (Replayed, error) {
	opened, err := kinds.Open(cfg, data)
	if err != nil {
		return Replayed{}, err
	}
	switch p := opened.(type) {
	case problem.Problem[float32]:
		return replay(ctx, cfg, p, folders, progress)
	case problem.Problem[float64]:
		return replay(ctx, cfg, p, folders, progress)
	}
	return Replayed{}, fmt.Errorf("problem.kind: %q: %T works in no arithmetic that weir knows", cfg.Problem.Kind, opened)
}

func replay[T vec.Float](ctx context.Context, cfg config.Config, p problem.Problem[T], folders []string, progress func(Replayed)) (Replayed, error) {
	s, err := newState(cfg, p, nil)
	if err != nil {
		return Replayed{}, err
	}
	var r Replayed
	made := digests{}
	err = readLog(folders, func(index uint64, entry []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := s.apply(entry)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		r.Entries = index
		if e.version != nil {
			r.Versions = e.version.Version
			if err := made.mine(digested{r.Versions, s.machine.Model.Digest()}); err != nil {
				return fmt.Errorf("%w: entry %d: %w", ErrReplay, index, err)
			}
			if progress != nil {
				progress(r)
			}
		}
		if e.digest == nil {
			return nil
		}
		r.Checked++
		if err := made.leader(e.digest.Version, e.digest.Digest); err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrReplay, index, err)
		}
		return nil
	})
	r.Updates, r.Digest, r.Stopped = s.machine.Ledger.Counts().Committed, ledger.Digest(s.machine.Model.Newest().X), s.machine.Ledger.Stopped()
	return r, err
}

// readLog hands over the entries of a log in order, each once, from whichever folder has them.
func readLog(folders []string, do func(index uint64, entry []byte) error) error {
	var files []string
	for _, dir := range folders {
		in, err := segments(dir)
		if err != nil {
			return err
		}
		files = append(files, in...)
	}
	next, newest := uint64(1), uint64(0)
	for before := uint64(0); before != next; {
		before = next
		for _, file := range files {
			err := readSegment(file, func(index uint64, entry []byte, _ int64) error {
				newest = max(newest, index)
				if index != next {
					return nil
				}
				next++
				return do(index, entry)
			})
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
		}
	}
	switch {
	case newest == 0:
		return errors.New("there are no recorded entries: was the run recorded with --record frames?")
	case newest >= next:
		return fmt.Errorf("entry %d is missing: a node that was sent a snapshot has a gap, name the folders of the others too", next)
	}
	return nil
}
