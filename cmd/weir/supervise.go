package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// supervisor keeps processes of this binary running, each with a log file: one that dies is started again, one that ends
// with status 0 is done, and one that says that it was told wrong, or that dies again and again at once, ends all.
type supervisor struct {
	self string
	logs string // folder

	mu   sync.Mutex
	pids map[string]int // of those that run
}

// lostError says that a process was given up since it died again and again. A cluster may do without it.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

const (
	restartAfter = 100 * time.Millisecond // doubled with every short life in a row
	restartLast  = 2 * time.Second
	shortLife    = 2 * time.Second // a process that lives no longer than this was not worth starting
	shortLives   = 10              // in a row, before it is given up
	graceTime    = 5 * time.Second // from the wish to end until the kill
)

func newSupervisor(logs string) (*supervisor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &supervisor{self: self, logs: logs, pids: map[string]int{}}, os.MkdirAll(logs, 0o777)
}

// keep runs a process until it is done, or until ctx ends and it has ended too. Nice is added to its niceness.
func (s *supervisor) keep(ctx context.Context, name string, nice int, args ...string) error {
	// A child is to die with this process, which Linux ties to the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	short := 0
	for {
		began := time.Now()
		err := s.once(ctx, name, nice, args)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == exitWrong {
			return fmt.Errorf("%s: %s", name, s.last(name))
		}
		if short++; time.Since(began) > shortLife {
			short = 0
		}
		if short == shortLives {
			return &lostError{fmt.Errorf("%s died %d times in a row: %w: %s (%s has all that it said)", name, short, err, s.last(name), s.log(name))}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(restartAfter<<max(short-1, 0), restartLast)):
		}
	}
}

// once runs a process to its end.
func (s *supervisor) once(ctx context.Context, name string, nice int, args []string) error {
	out, err := os.OpenFile(s.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer out.Close()
	child := exec.CommandContext(ctx, s.self, args...)
	child.Stdout, child.Stderr = out, out
	child.SysProcAttr = childAttributes()
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = graceTime
	if err := child.Start(); err != nil {
		return err
	}
	renice(child.Process.Pid, nice)
	s.set(name, child.Process.Pid)
	defer s.set(name, 0)
	return child.Wait()
}

func (s *supervisor) log(name string) string { return filepath.Join(s.logs, name+".log") }

// last is the last line that a process said.
func (s *supervisor) last(name string) string {
	text, err := os.ReadFile(s.log(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "weir: ")
}

func (s *supervisor) set(name string, pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pid == 0 {
		delete(s.pids, name)
		return
	}
	s.pids[name] = pid
}

// running are the processes that run, by name.
func (s *supervisor) running() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	pids := make(map[string]int, len(s.pids))
	for name, pid := range s.pids {
		pids[name] = pid
	}
	return pids
}
