package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// The walks over the schema: a key such as clients.durations[3] names a field of Config by the yaml tags on the way.

// sections returns the names in struct type t, in order, and the field that each stands for.
func sections(t reflect.Type) (names []string, fields map[string]int) {
	fields = make(map[string]int)
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			names = append(names, name)
			fields[name] = i
		}
	}
	return names, fields
}

// isSection reports whether t is a struct of further keys rather than a value that reads itself.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

// allKeys lists every key below a section, itself a section or not.
func allKeys(t reflect.Type, section string) []string {
	var keys []string
	names, fields := sections(t)
	for _, name := range names {
		key := join(section, name)
		keys = append(keys, key)
		if f := t.Field(fields[name]).Type; isSection(f) {
			keys = append(keys, allKeys(f, key)...)
		}
	}
	return keys
}

// field finds what key names in v; the elements of lists have no name here.
func field(v reflect.Value, key string) (reflect.Value, bool) {
	for name := range strings.SplitSeq(key, ".") {
		if !isSection(v.Type()) {
			return reflect.Value{}, false
		}
		_, fields := sections(v.Type())
		i, known := fields[name]
		if !known {
			return reflect.Value{}, false
		}
		v = v.Field(i)
	}
	return v, true
}

// numbers calls visit for every number below v, the elements of lists included.
func numbers(v reflect.Value, key string, visit func(key string, value float64)) {
	switch {
	case isSection(v.Type()):
		names, fields := sections(v.Type())
		for _, name := range names {
			numbers(v.Field(fields[name]), join(key, name), visit)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			numbers(v.Index(i), fmt.Sprintf("%s[%d]", key, i), visit)
		}
	case v.CanFloat():
		visit(key, v.Float())
	case v.CanInt():
		visit(key, float64(v.Int()))
	}
}

// scalarText writes a value as a config would.
func scalarText(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	return fmt.Sprint(v.Interface())
}

// readScalar reads text into v, which is addressable, and says what would be right where it cannot.
func readScalar(v reflect.Value, text string, quoted bool) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	bits := 0
	if v.Kind() != reflect.String && v.Kind() != reflect.Bool {
		bits = v.Type().Bits()
	}
	switch {
	case v.Kind() == reflect.String:
		if strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("must be one line of text")
		}
		v.SetString(text)
		return nil
	case v.Kind() == reflect.Bool:
		if !quoted && (text == "true" || text == "false") {
			v.SetBool(text == "true")
			return nil
		}
		return fmt.Errorf("must be true or false")
	case v.CanFloat():
		n, err := strconv.ParseFloat(text, bits)
		if err == nil && !quoted {
			v.SetFloat(n)
			return nil
		}
		return fmt.Errorf("must be a number")
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, bits)
		if err == nil && !quoted {
			v.SetInt(n)
			return nil
		}
		return fmt.Errorf("must be a whole number")
	default: // CanUint
		n, err := strconv.ParseUint(text, 10, bits)
		if err == nil && !quoted {
			v.SetUint(n)
			return nil
		}
		return fmt.Errorf("must be a whole number that is not negative")
	}
}
