package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds a config; the parser recurses on nested lists, so what it reads is bounded too.
const (
	maxFile  = 16 << 20
	maxDepth = 64
)

// source reads one file or one --set argument into a config, or another struct with yaml tags.
type source struct {
	schema reflect.Type
	file   string
	set    string
	places map[string]place // every key that this source sets
	faults []error
}

func newSource(schema reflect.Type, file, set string) *source {
	return &source{schema: schema, file: file, set: set, places: make(map[string]place)}
}

// fault complains about the value of key, written on a line of the source's file.
func (s *source) fault(line int, key, value, format string, args ...any) {
	e := &Error{Set: s.set, Key: key, Value: shorten(value), Err: fmt.Errorf(format, args...)}
	if s.set == "" {
		e.File, e.Line = s.file, line
	}
	s.faults = append(s.faults, e)
}

// parse returns the one value that text holds, nil when it holds none.
func (s *source) parse(text []byte) ast.Node {
	if depth(text) > maxDepth {
		s.fault(0, "", "", "is nested more than %d deep", maxDepth)
		return nil
	}
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var y yaml.Error
		if !errors.As(err, &y) || y.GetToken() == nil {
			s.fault(0, "", "", "is not YAML: %w", err)
		} else {
			s.fault(y.GetToken().Position.Line, "", "", "is not YAML: %s", y.GetMessage())
		}
		return nil
	}
	var body ast.Node
	for _, doc := range f.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			s.fault(line(doc.Body), "", "", "a config is one document: nothing may follow the line ---")
			return nil
		}
		body = doc.Body
	}
	return body
}

// depth bounds how deeply text can be nested, by brackets, list dashes and indentation.
func depth(text []byte) int {
	deepest, open := 0, 0
	for line := range strings.Lines(string(text)) {
		indent := len(line) - len(strings.TrimLeft(line, " -?:\t"))
		deepest = max(deepest, indent/2)
		for _, c := range line {
			switch c {
			case '[', '{':
				open++
				deepest = max(deepest, open)
			case ']', '}':
				open = max(open-1, 0)
			}
		}
	}
	return deepest
}

// line is where n begins.
func line(n ast.Node) int { return n.GetToken().Position.Line }

// into reads the value n, which begins on line at, into v, which key names.
func (s *source) into(v reflect.Value, key string, n ast.Node, at int) {
	s.places[key] = place{line: at, set: s.set, text: text(n)}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		s.fault(at, key, "", "anchors, aliases and tags are not part of a config: write the value itself")
		return
	case *ast.NullNode:
		s.fault(at, key, "", "has no value")
		return
	}
	switch {
	case isSection(v.Type()):
		s.section(v, key, n, at)
	case v.Kind() == reflect.Slice:
		s.list(v, key, n, at)
	default:
		s.scalar(v, key, n, at)
	}
}

func (s *source) section(v reflect.Value, key string, n ast.Node, at int) {
	known, fields := sections(v.Type())
	m, ok := n.(*ast.MappingNode)
	if !ok {
		s.fault(at, key, text(n), "must be a section with the keys %s", strings.Join(known, ", "))
		return
	}
	seen := make(map[string]int)
	for _, kv := range m.Values {
		name := kv.Key.GetToken().Value
		below := join(key, name)
		at := line(kv.Key)
		first, again := seen[name]
		seen[name] = at
		switch _, plain := kv.Key.(*ast.StringNode); {
		case !plain || !slices.Contains(known, name):
			s.fault(at, below, "", "%s", suggestKey(s.schema, name, key, known))
		case again:
			s.fault(at, below, "", "is set twice, first on line %d", first)
		default:
			s.into(v.Field(fields[name]), below, kv.Value, at)
		}
	}
}

func (s *source) list(v reflect.Value, key string, n ast.Node, at int) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		s.fault(at, key, text(n), "must be a list such as [1, 2]")
		return
	}
	items := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		s.into(items.Index(i), fmt.Sprintf("%s[%d]", key, i), item, line(item))
	}
	v.Set(items)
}

func (s *source) scalar(v reflect.Value, key string, n ast.Node, at int) {
	switch n.(type) {
	case *ast.MappingNode, *ast.SequenceNode:
		s.fault(at, key, "", "must be a single value, not a list or a section")
		return
	}
	written := text(n)
	if err := readScalar(v, written, quoted(n)); err != nil {
		s.fault(at, key, written, "%w", err)
	}
}

// text is a scalar as written, without quotes; empty for a list or a section.
func text(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.SequenceNode:
		return ""
	case *ast.LiteralNode:
		return n.Value.Value
	}
	return n.GetToken().Value
}

func quoted(n ast.Node) bool {
	t := n.GetToken().Type
	return t == token.SingleQuoteType || t == token.DoubleQuoteType
}
