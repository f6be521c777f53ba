package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Error is one fault of a config, at the place where it was written.
type Error struct {
	File  string // as given to Load; empty for a config that was not loaded
	Line  int    // 0 where no line is to blame
	Set   string // the --set argument that is to blame, instead of File and Line
	Key   string // such as aggregate.window; empty for a fault of the whole file
	Value string // as written; empty where it says nothing
	Err   error  // what would be right
}

// Error reads configs/x.yaml:12: aggregate.window: "0s": must be longer than zero.
func (e *Error) Error() string {
	var parts []string
	switch {
	case e.Set != "":
		parts = append(parts, "--set "+e.Set)
	case e.File != "" && e.Line > 0:
		parts = append(parts, e.File+":"+strconv.Itoa(e.Line))
	case e.File != "":
		parts = append(parts, e.File)
	}
	setKey, _, _ := strings.Cut(e.Set, "=")
	if e.Key != "" && e.Key != setKey {
		parts = append(parts, e.Key)
	}
	if e.Value != "" && e.Set == "" {
		parts = append(parts, strconv.Quote(e.Value))
	}
	return strings.Join(append(parts, e.Err.Error()), ": ")
}

func (e *Error) Unwrap() error { return e.Err }

// list joins faults in the order of the places to blame, those of --set last.
func list(faults []error) error {
	at := func(err error) int {
		var e *Error
		if errors.As(err, &e) && e.Set == "" {
			return e.Line
		}
		return math.MaxInt
	}
	slices.SortStableFunc(faults, func(a, b error) int { return cmp.Compare(at(a), at(b)) })
	return errors.Join(faults...)
}

// place is where a key was set.
type place struct {
	line int
	set  string // the --set argument, instead of a line
	text string // a scalar as written
}

// origin is where a config came from.
type origin struct {
	file   string
	places map[string]place
}

// Fault returns an *Error about key with the place where it was set, for faults that only show once a run is put
// together: a data set that is not there, a window that no client can meet.
func (c Config) Fault(key, format string, args ...any) error {
	return c.origin.fault(reflect.ValueOf(c), key, fmt.Errorf(format, args...))
}

// fault says what is wrong about key, which names a field of root, and where that was set.
func (o *origin) fault(root reflect.Value, key string, err error) error {
	e := &Error{Key: key, Err: err}
	if o != nil {
		e.File = o.file
		p, own := o.places[key]
		for at := key; !own && at != ""; {
			at = parent(at)
			if above, found := o.places[at]; found {
				p = above
				break
			}
		}
		e.Line, e.Set = p.line, p.set
		if own {
			e.Value = p.text
		}
	}
	if e.Value == "" {
		if v, ok := field(root, key); ok && !isSection(v.Type()) && v.Kind() != reflect.Slice && !v.IsZero() {
			e.Value = scalarText(v)
		}
	}
	e.Value = shorten(e.Value)
	return e
}

// parent is the key that holds key: clients.durations for clients.durations[3], clients for clients.durations.
func parent(key string) string {
	if at := strings.LastIndexAny(key, ".["); at >= 0 {
		return key[:at]
	}
	return ""
}

func shorten(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "..."
	}
	return s
}

// oneOf says what is allowed, and which of it is nearest to what was written.
func oneOf(wrong string, allowed []string) string {
	must := "must be " + allowed[0]
	if len(allowed) > 1 {
		must = "must be one of " + strings.Join(allowed, ", ")
	}
	if near, ok := nearest(wrong, allowed); ok {
		must += fmt.Sprintf(" (did you mean %s?)", near)
	}
	return must
}

// nearest returns the candidate that a slip of the keyboard would turn into word.
func nearest(word string, candidates []string) (string, bool) {
	best, least := "", len(word)/3+2
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(word), candidate); d < least && d < len(candidate) {
			best, least = candidate, d
		}
	}
	return best, best != ""
}

// distance counts the letters to insert, delete, replace or swap with their neighbour that turn a into b (optimal
// string alignment).
func distance(a, b string) int {
	const longest = 64 // nobody's slip; bounds the work on hostile input
	if len(a) > longest || len(b) > longest {
		return longest
	}
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			next[j] = min(last[j]+1, next[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}

// suggestKey says where an unknown key may have been meant to go: to its nearest neighbour in the section, to another
// section that knows it, else to any key of this one.
func suggestKey(schema reflect.Type, name, section string, known []string) string {
	if near, ok := nearest(name, known); ok {
		return fmt.Sprintf("unknown key (did you mean %s?)", near)
	}
	for _, key := range allKeys(schema, "") {
		if strings.HasSuffix(key, "."+name) {
			return fmt.Sprintf("unknown key here (did you mean %s?)", key)
		}
	}
	if section == "" {
		section = "the file"
	}
	known = slices.Sorted(slices.Values(known))
	return fmt.Sprintf("unknown key; %s has %s", section, strings.Join(known, ", "))
}
