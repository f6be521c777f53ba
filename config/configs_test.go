package config_test

import (
	"path/filepath"
	"testing"

	"weir/config"
)

func TestShippedConfigsAreRight(t *testing.T) {
	files, err := filepath.Glob("../configs/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configs found: %v", err)
	}
	for _, file := range files {
		if _, err := config.Load(file, nil); err != nil {
			t.Error(err)
		}
	}
}
