package claim

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestFolderIsTakenOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(dir); !errors.Is(err, ErrTaken) {
		t.Errorf("taken twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
