// Package claim keeps two processes from working in the same folder.
package claim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrTaken is returned for a folder that another process works in.
var ErrTaken = errors.New("another process works in this folder")

// Folder is a folder that is this process's alone until it is closed, or the process ends, however it ends.
type Folder struct{ lock *flock.Flock }

// Take makes dir if it is not there and claims it.
func Take(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("claiming %s: %w", dir, err)
	case !ok:
		return nil, fmt.Errorf("%s: %w", dir, ErrTaken)
	}
	return &Folder{lock}, nil
}

// Close gives the folder back. The file that stands for the claim stays.
func (f *Folder) Close() error { return f.lock.Close() }
