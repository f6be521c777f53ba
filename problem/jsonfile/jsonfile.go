// Package jsonfile reads the JSON files that describe problems, as strictly as a config is read.
package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxBytes bounds the file that describes a problem, and so the memory that reading it takes.
const maxBytes = 1 << 28

// Read returns the bytes of the file at path. Its errors do not name the file: who asked for it does.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("is longer than %d MiB", maxBytes>>20)
	}
	return text, nil
}

// Decode reads the one document that text holds into v, and wants no keys that v does not know. Example is what a complaint
// shows of the format.
func Decode(text []byte, v any, example string) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("line %d: %w", 1+bytes.Count(text[:syntax.Offset], []byte("\n")), err)
		}
		return fmt.Errorf("must be JSON such as %s: %w", example, err)
	}
	if decoder.More() {
		return errors.New("has more after the JSON document")
	}
	return nil
}
