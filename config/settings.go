package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// Setting is one key of a resolved configuration with its value, as written.
type Setting struct{ Key, Value string }

// Flatten lists the settings of a YAML document in its order.
func Flatten(config []byte) ([]Setting, error) {
	var doc yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(config, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	var flat []Setting
	var walk func(prefix string, m yaml.MapSlice)
	walk = func(prefix string, m yaml.MapSlice) {
		for _, item := range m {
			key := prefix + fmt.Sprint(item.Key)
			if nested, is := item.Value.(yaml.MapSlice); is {
				walk(key+".", nested)
				continue
			}
			flat = append(flat, Setting{key, fmt.Sprint(item.Value)})
		}
	}
	walk("", doc)
	return flat, nil
}

// local are the settings that say where files lie: machines need not agree on the folder.
var local = map[string]bool{"problem.file": true, "problem.partition.file": true, "problem.dataset": true}

// Differences lists in what the resolved configuration own is not that of a run, a line a setting. Of a file's path only
// its name counts.
func Differences(run, own []byte) []string {
	theirs, err := Flatten(run)
	if err != nil {
		return []string{fmt.Sprintf("the run's configuration cannot be read: %v", err)}
	}
	ours, err := Flatten(own)
	if err != nil {
		return []string{fmt.Sprintf("this configuration cannot be read: %v", err)}
	}
	value := func(in []Setting, key string) string {
		for _, s := range in {
			if s.Key == key {
				if local[key] && strings.Contains(s.Value, "/") {
					return filepath.Base(s.Value)
				}
				return s.Value
			}
		}
		return "not set"
	}
	var lines []string
	seen := map[string]bool{}
	for _, s := range append(theirs, ours...) {
		if seen[s.Key] {
			continue
		}
		seen[s.Key] = true
		if there, here := value(theirs, s.Key), value(ours, s.Key); there != here {
			lines = append(lines, fmt.Sprintf("%s: %s here, %s in the run", s.Key, here, there))
		}
	}
	return lines
}
