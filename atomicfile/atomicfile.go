// Package atomicfile writes files that are whole or absent, whatever dies meanwhile.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write writes the file at path, with what write gives it: into a temporary file beside it, synced, then renamed. A file
// that was there stays until the new one is whole, even if the machine loses its power meanwhile.
func Write(path string, write func(io.Writer) error) error {
	return replace(path, write, (*os.File).Sync)
}

// Swap is Write for what is in memory and is written often: it is the system's to say when it reaches the disk. The file
// is whole or the one before whatever becomes of processes; should the machine lose its power it may be damaged.
func Swap(path string, b []byte) error {
	return replace(path, all(b), func(*os.File) error { return nil })
}

// all writes b.
func all(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

func replace(path string, write func(io.Writer) error, sync func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<16)
	err = write(out)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644) // CreateTemp makes it private
	}
	if err == nil {
		err = sync(f)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// WriteBytes is Write for what is in memory.
func WriteBytes(path string, b []byte) error { return Write(path, all(b)) }
