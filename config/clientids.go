package config

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// ClientIDs is a set of clients, written 0-12,20.
type ClientIDs struct {
	spans []span // ascending, no two that touch
}

// span is the ids from first to last, both included.
type span struct{ first, last uint32 }

// NewClientIDs is the set of the given ids.
func NewClientIDs(ids []uint32) ClientIDs {
	spans := make([]span, len(ids))
	for i, id := range ids {
		spans[i] = span{id, id}
	}
	return joined(spans)
}

// joined is the set of all that spans hold.
func joined(spans []span) ClientIDs {
	slices.SortFunc(spans, func(a, b span) int { return int(int64(a.first) - int64(b.first)) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && int64(s.first) <= int64(out[n-1].last)+1 {
			out[n-1].last = max(out[n-1].last, s.last)
		} else {
			out = append(out, s)
		}
	}
	return ClientIDs{out}
}

// All are the ids, ascending.
func (c ClientIDs) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, s := range c.spans {
			for id := s.first; ; id++ {
				if !yield(id) {
					return
				}
				if id == s.last {
					break
				}
			}
		}
	}
}

// Len is how many there are.
func (c ClientIDs) Len() int {
	n := 0
	for _, s := range c.spans {
		n += int(s.last-s.first) + 1
	}
	return n
}

// shared returns an id that is in both sets.
func (c ClientIDs) shared(other ClientIDs) (uint32, bool) {
	for _, a := range c.spans {
		for _, b := range other.spans {
			if first := max(a.first, b.first); first <= min(a.last, b.last) {
				return first, true
			}
		}
	}
	return 0, false
}

// String writes the set as UnmarshalText reads it.
func (c ClientIDs) String() string {
	var parts []string
	for _, s := range c.spans {
		part := strconv.FormatUint(uint64(s.first), 10)
		if s.last > s.first {
			part += "-" + strconv.FormatUint(uint64(s.last), 10)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// MarshalText writes the set as UnmarshalText reads it.
func (c ClientIDs) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads ids and ranges of ids with commas between them, in any order but each id once: 0-12,20. An empty
// text is the empty set.
func (c *ClientIDs) UnmarshalText(text []byte) error {
	var spans []span
	size := 0
	if len(text) > 0 {
		for part := range strings.SplitSeq(string(text), ",") {
			s, err := readSpan(strings.TrimSpace(part))
			if err != nil {
				return err
			}
			spans = append(spans, s)
			size += int(s.last-s.first) + 1
		}
	}
	set := joined(spans)
	if set.Len() != size {
		return fmt.Errorf("must name each client once")
	}
	*c = set
	return nil
}

func readSpan(part string) (span, error) {
	low, high, isRange := strings.Cut(part, "-")
	if !isRange {
		high = low
	}
	first, err := strconv.ParseUint(low, 10, 32)
	if err != nil {
		return span{}, fmt.Errorf("must be client numbers and ranges such as 0-12,20: %q is neither", part)
	}
	last, err := strconv.ParseUint(high, 10, 32)
	if err != nil || last < first {
		return span{}, fmt.Errorf("must be client numbers and ranges such as 0-12,20: %q is neither", part)
	}
	if last >= maxClients {
		return span{}, fmt.Errorf("must be below %d: a run has at most so many clients", maxClients)
	}
	return span{uint32(first), uint32(last)}, nil
}
