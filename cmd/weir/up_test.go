package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"weir/config"
)

// A run ends with the majority of its nodes: one that is given up or does not come to the end is told, and no more.
func TestUpEndsWithTheMajority(t *testing.T) {
	broken := &lostError{errors.New("node-2 died 10 times in a row")}
	wrong := errors.New("node-2: config.yaml: no")
	for _, test := range []struct {
		name string
		ends []ending
		err  error
		says string
	}{
		{"all", []ending{{"node-1", nil}, {"node-2", nil}, {"node-3", nil}}, nil, ""},
		{"one lost", []ending{{"node-2", broken}, {"node-1", nil}, {"node-3", nil}}, nil, "weir: the run goes on without node-2 died 10 times in a row\n"},
		{"two lost", []ending{{"node-2", broken}, {"node-1", broken}}, broken, "weir: the run goes on without node-2"},
		{"one told wrong", []ending{{"node-2", wrong}}, wrong, ""},
		{"one late", []ending{{"node-1", nil}, {"node-3", nil}}, nil, "weir: node-2 did not come to the end with the others: logs/node-2.log says why\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var said strings.Builder
			r := &upRun{all: &supervisor{logs: "logs"}}
			for i := range 3 {
				r.cluster.Nodes = append(r.cluster.Nodes, config.Node{ID: fmt.Sprintf("node-%d", i+1)})
			}
			ended := make(chan ending, 3)
			for _, e := range test.ends {
				ended <- e
			}
			err := r.await(ended, newProgress(&said, config.Default(), true))
			if !errors.Is(err, test.err) || !strings.HasPrefix(said.String(), test.says) || test.says == "" && said.Len() > 0 {
				t.Errorf("%s: %v, said %q", test.name, err, said.String())
			}
		})
	}
}
