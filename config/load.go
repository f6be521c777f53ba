package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Load reads the config in the file at path, applies sets (each key=value, the value in YAML) in order, fills in what
// neither says, and validates the result. All faults are returned together, each an *Error.
//
// A file that a config names is looked for beside that config, or from the working directory when --set names it.
// The config that Load returns names it by its absolute path, so that a run's own copy finds it too.
func Load(path string, sets []string) (Config, error) {
	text, err := readFile(path)
	if err != nil {
		return Config{}, &Error{File: path, Err: err}
	}
	return load(path, text, sets)
}

func load(path string, text []byte, sets []string) (Config, error) {
	c := Default()
	c.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	c.origin = &origin{file: path, places: make(map[string]place)}

	s := newSource(reflect.TypeFor[Config](), path, "")
	if root := s.parse(text); root != nil {
		s.section(reflect.ValueOf(&c).Elem(), "", root, line(root))
	}
	faults := append(s.faults, c.take(s)...)
	faults = append(faults, c.resolve(s, filepath.Dir(path))...)
	for _, set := range sets {
		s := newSource(reflect.TypeFor[Config](), "", set)
		s.apply(&c)
		faults = append(faults, append(s.faults, c.take(s)...)...)
		faults = append(faults, c.resolve(s, ".")...)
	}
	if len(faults) > 0 {
		return c, list(faults) // half-read values would only raise faults that are none
	}
	c.settle(c.isSet)
	return c, c.Validate()
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("is longer than %d MiB: not a config", maxFile>>20)
	}
	return b, err
}

// apply reads one --set argument.
func (s *source) apply(c *Config) {
	key, value, ok := strings.Cut(s.set, "=")
	if !ok {
		s.fault(0, "", "", "must be key=value, such as stop.versions=10")
		return
	}
	v, known := field(reflect.ValueOf(c).Elem(), key)
	if !known {
		s.fault(0, key, "", "%s", unknownSet(key))
		return
	}
	n := s.parse([]byte(value))
	if n == nil {
		if len(s.faults) == 0 {
			s.fault(0, key, "", "has no value")
		}
		return
	}
	s.into(v, key, n, 0)
}

// unknownSet finds the first part of a key that does not exist, and what it may have been meant to be.
func unknownSet(key string) string {
	t, section := reflect.TypeFor[Config](), ""
	for name := range strings.SplitSeq(key, ".") {
		known, fields := sections(t)
		i, ok := fields[name]
		if !ok {
			return suggestKey(reflect.TypeFor[Config](), name, section, known)
		}
		t, section = t.Field(i).Type, join(section, name)
		if !isSection(t) {
			break
		}
	}
	return fmt.Sprintf("unknown key; %s has no keys below it", section)
}

// take records what s has set and forgets what that replaces.
func (c *Config) take(s *source) []error {
	var faults []error
	for _, pair := range rivals {
		first, one := find(s.places, pair[0])
		second, other := find(s.places, pair[1])
		switch {
		case one && other:
			s := &source{file: s.file, set: s.set}
			s.fault(max(first.line, second.line), pair[1], "", "is set beside %s: keep one of the two", pair[0])
			faults = append(faults, s.faults...)
		case one:
			c.forget(pair[1])
		case other:
			c.forget(pair[0])
		}
	}
	maps.Copy(c.origin.places, s.places)
	return faults
}

// find returns where key, or a key below it, was set.
func find(places map[string]place, key string) (place, bool) {
	if p, ok := places[key]; ok {
		return p, true
	}
	for k, p := range places {
		if below(k, key) {
			return p, true
		}
	}
	return place{}, false
}

func below(key, section string) bool {
	rest, ok := strings.CutPrefix(key, section)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// forget gives key and everything below it the default again.
func (c *Config) forget(key string) {
	v, _ := field(reflect.ValueOf(c).Elem(), key)
	d, _ := field(reflect.ValueOf(Default()), key)
	v.Set(d)
	maps.DeleteFunc(c.origin.places, func(k string, _ place) bool { return k == key || below(k, key) })
}

func (c *Config) isSet(key string) bool {
	_, set := find(c.origin.places, key)
	return set
}

// resolve makes the paths that s has set absolute.
func (c *Config) resolve(s *source, dir string) []error {
	var faults []error
	absolute := func(key string, path *string, prefixes ...string) {
		if _, set := s.places[key]; !set || *path == "" {
			return
		}
		prefix := ""
		for _, p := range prefixes {
			if strings.HasPrefix(*path, p) {
				prefix = p
			}
		}
		name := strings.TrimPrefix(*path, prefix)
		if len(prefixes) > 0 && prefix == "" || name == "" {
			return // a data set that is known by name, or a fault for Validate
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			faults = append(faults, c.Fault(key, "%w", err))
			return
		}
		*path = prefix + abs
	}
	absolute("problem.dataset", &c.Problem.Dataset, datasetFiles...)
	absolute("problem.file", &c.Problem.File)
	absolute("problem.partition.file", &c.Problem.Partition.File)
	return faults
}
