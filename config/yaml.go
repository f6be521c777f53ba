package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
)

// YAML writes c so that Load reads the same value back. It leaves out what the chosen kinds do not
// use, the rivals of what is set, and zeros that are the default anyway.
func (c Config) YAML() []byte {
	b, err := yaml.Marshal(tree(reflect.ValueOf(c), reflect.ValueOf(Default()), "", c.hidden()))
	if err != nil {
		panic(fmt.Sprintf("config: a tree of plain values: %v", err)) // every leaf is a number, a text or a list of them
	}
	return b
}

// hidden are the rivals of what is set.
func (c Config) hidden() []string {
	var keys []string
	isZero := func(key string) bool {
		v, _ := field(reflect.ValueOf(c), key)
		return v.IsZero()
	}
	for _, pair := range rivals {
		if !isZero(pair[0]) {
			keys = append(keys, pair[1])
		} else if !isZero(pair[1]) {
			keys = append(keys, pair[0])
		}
	}
	return keys
}

func tree(v, defaults reflect.Value, section string, hidden []string) yaml.MapSlice {
	var out yaml.MapSlice
	names, fields := sections(v.Type())
	for _, name := range names {
		key, f, d := join(section, name), v.Field(fields[name]), defaults.Field(fields[name])
		if slices.Contains(hidden, key) || f.IsZero() && d.IsZero() || !uses(section, v, name) {
			continue
		}
		var value any
		if isSection(f.Type()) {
			below := tree(f, d, key, hidden)
			if len(below) == 0 {
				continue
			}
			value = below
		} else if f.Kind() == reflect.Slice {
			value = flow{f.Interface()}
		} else if f.Kind() == reflect.String {
			value = f.String()
		} else {
			value = plain(scalarText(f))
		}
		out = append(out, yaml.MapItem{Key: name, Value: value})
	}
	return out
}

// plain is a number, or a word that needs no quotes: 12, 0.5, 30s, median.
type plain string

func (p plain) MarshalYAML() ([]byte, error) { return []byte(p), nil }

// flow writes a list on one line.
type flow struct{ list any }

func (f flow) MarshalYAML() ([]byte, error) { return yaml.MarshalWithOptions(f.list, yaml.Flow(true)) }

// onlyFor are the keys that only some kinds of their section, or for compress some feedback rules, use.
var onlyFor = map[string][]string{
	"problem.dataset":          {"learn"},
	"problem.model":            {"learn"},
	"problem.partition":        {"learn"},
	"problem.l2":               {"learn"},
	"problem.file":             {"quadratic", "waterfill"},
	"problem.noise":            {"waterfill"},
	"problem.measured":         {"waterfill"},
	"problem.dim":              {"none"},
	"problem.model.hidden":     {"mlp", "char"},
	"problem.model.activation": {"mlp", "cnn", "char"},
	"problem.model.context":    {"char"},
	"problem.model.embedding":  {"char"},
	"problem.partition.alpha":  {"dirichlet"},
	"problem.partition.shards": {"shards"},
	"problem.partition.file":   {"file"},
	"clients.speed.sigma":      {"lognormal"},
	"clients.speed.spread":     {"uniform"},
	"clients.speed.slow":       {"two-class"},
	"clients.speed.factor":     {"two-class"},
	"aggregate.window":         {"fedfix"},
	"aggregate.size":           {"fedbuff"},
	"aggregate.alpha":          {"fedasync"},
	"aggregate.deadline":       {"fedavg", "co2"},
	"compress.density":         {"topk", "blocktopk", "randk"},
	"compress.k":               {"topk", "blocktopk", "randk"},
	"compress.values":          {"topk", "blocktopk", "randk", "quant"},
	"compress.beta":            {"ec"},
	"compress.momentum":        {"ef21m"},
	"compress.eta":             {"econtrol"},
	"compress.memory":          {"ef21", "ef21m", "econtrol"},
	"compress.budget":          {"ef21", "ef21m", "econtrol"},
	"compress.down.density":    {"topk", "blocktopk", "randk"},
	"compress.down.k":          {"topk", "blocktopk", "randk"},
	"compress.down.values":     {"topk", "blocktopk", "randk", "quant"},
	"staleness.a":              {"polynomial", "hinge", "exponential", "gap", "ess"},
	"staleness.b":              {"hinge"},
	"outer.momentum":           {"nesterov", "co2"},
	"outer.beta1":              {"adam"},
	"outer.beta2":              {"adam"},
	"outer.epsilon":            {"adam"},
	"outer.penalty":            {"co2"},
	"outer.clip":               {"co2"},
	"outer.phi":                {"co2"},
}

// uses reports whether the key name of section v means anything for what the section chooses.
func uses(section string, v reflect.Value, name string) bool {
	users, limited := onlyFor[join(section, name)]
	if !limited || slices.Contains(users, v.FieldByName("Kind").String()) {
		return true
	}
	feedback := v.FieldByName("Feedback")
	return feedback.IsValid() && slices.Contains(users, feedback.String())
}
