package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/record"
)

// interrupter is a terminal on which somebody presses Ctrl-C when a word appears.
type interrupter struct {
	word   string
	cancel context.CancelFunc
}

func (i interrupter) Write(b []byte) (int, error) {
	if strings.Contains(string(b), i.word) {
		i.cancel()
	}
	return len(b), nil
}

func TestAResumedRunEndsWithTheSameBits(t *testing.T) {
	linesEvery = 0
	dir := t.TempDir()
	config := filepath.Join(dir, "small.yaml")
	err := os.WriteFile(config, []byte("problem: {model: {kind: logistic}}\nclients: {count: 12, concurrency: 6}\nstop: {versions: 12}"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	quiet := terminal{out: io.Discard, err: io.Discard}
	if got := run([]string{"sim", config, "--out", whole}, quiet); got != exitDone {
		t.Fatalf("the whole run: exit status %d", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	first := simCmd{Config: config, Out: parts}
	err = first.Run(ctx, terminal{out: io.Discard, err: interrupter{"version 5 ", cancel}})
	if !errors.Is(err, errSilent) {
		t.Fatalf("the interrupted run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(parts, "checkpoint.bin")); err != nil {
		t.Fatal(err)
	}
	if got := run([]string{"sim", "--resume", parts}, quiet); got != exitDone {
		t.Fatalf("the resumed run: exit status %d", got)
	}
	if want, got := digest(t, whole), digest(t, parts); got != want {
		t.Errorf("the model's digest is %s, that of the run that was left in peace %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(parts, "checkpoint.bin")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the checkpoint of a run that has ended is still there")
	}
}

func digest(t *testing.T, dir string) string {
	t.Helper()
	loaded, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Summary.ModelDigest
}
