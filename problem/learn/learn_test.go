package learn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/config"
)

// small is a run on the synthetic set with ten clients.
func small() config.Config {
	c := config.Default()
	c.Problem.Model = config.Model{Kind: "mlp", Hidden: []int{8}, Activation: "relu"}
	c.Clients.Count = 10
	return c
}

func open(tb testing.TB, c config.Config, data string) *Problem {
	tb.Helper()
	p, err := Open(c, data)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestOpenSaysWhichKeyIsWrong(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	prose := "text:" + write("prose.txt", strings.Repeat("all work and no play. ", 100))
	play := "text:" + write("play.txt", "JACK:\n"+strings.Repeat("all work and no play. ", 100))
	for want, change := range map[string]func(*config.Config){
		`problem.dataset: "mnst": must be synthetic, a9a, fashion-mnist, mnist, shakespeare, w8a, or idx:DIR, libsvm:FILE or text:FILE`:                                 func(c *config.Config) { c.Problem.Dataset = "mnst" },
		`problem.dataset: "w8a": neither DIR/w8a/w8a nor DIR/w8a/w8a.gz is there; get it with: weir data get w8a (or say where data sets lie: --data DIR or WEIR_DATA)`: func(c *config.Config) { c.Problem.Dataset = "w8a" },
		`problem.model.kind: "mlp": the data set prose.txt has characters: must be char`:                                                                                func(c *config.Config) { c.Problem.Dataset = prose },
		`problem.model.kind: "char": the data set synthetic has samples: must be logistic, mlp or cnn`:                                                                  func(c *config.Config) { c.Problem.Model.Kind = "char" },
		`problem.model.kind: "cnn": needs images of at least 16x16, which synthetic has not: try mlp`:                                                                   func(c *config.Config) { c.Problem.Model.Kind = "cnn" },
		`problem.partition.kind: "natural": synthetic does not say whose its samples are: must be another kind`:                                                         func(c *config.Config) { c.Problem.Partition.Kind = "natural" },
		`clients.count: "10": must be at most 1, the speakers of play.txt with enough text`: func(c *config.Config) {
			c.Problem.Dataset, c.Problem.Model, c.Problem.Partition.Kind = play, char, "natural"
		},
		`clients.count: "10001": too few samples: there are 10000 for 10001 clients in synthetic`:           func(c *config.Config) { c.Clients.Count = 10001 },
		`clients.count: "10": too few samples: there are 10000 for 20000 shards of 10 clients in synthetic`: func(c *config.Config) { c.Problem.Partition = config.Partition{Kind: "shards", Shards: 2000} },
		`problem.partition.file: "DIR/none.json": no such file or directory`: func(c *config.Config) {
			c.Problem.Partition = config.Partition{Kind: "file", File: filepath.Join(dir, "none.json")}
		},
		`clients.count: "10": must be 2, the clients in DIR/two.json`: func(c *config.Config) {
			c.Problem.Partition = config.Partition{Kind: "file", File: write("two.json", "[[1],[2]]")}
		},
		`problem.partition.file: "DIR/far.json": client 0: sample 10000: must be between 0 and 9999`: func(c *config.Config) {
			c.Problem.Partition, c.Clients.Count = config.Partition{Kind: "file", File: write("far.json", "[[10000]]")}, 1
		},
		`problem.partition.file: "DIR/map.json": must be a JSON list of a list of sample numbers for each client: json: cannot unmarshal object into Go value of type [][]int`: func(c *config.Config) {
			c.Problem.Partition = config.Partition{Kind: "file", File: write("map.json", "{}")}
		},
	} {
		c := small()
		change(&c)
		_, err := Open(c, dir)
		got := "no error"
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "DIR")
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

var char = config.Model{Kind: "char", Hidden: []int{8}, Activation: "relu", Context: 4, Embedding: 3}

func TestDescribe(t *testing.T) {
	want := "synthetic: 10,000 + 2,000 samples, MLP 64-8-10, 610 parameters"
	if got := open(t, small(), "").Describe(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A partition from a file deals what it lists, and the other samples to nobody.
func TestPartitionFromFile(t *testing.T) {
	c := small()
	path := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(path, []byte("[[5, 3], [9999]]"), 0o666); err != nil {
		t.Fatal(err)
	}
	c.Clients.Count, c.Problem.Partition = 2, config.Partition{Kind: "file", File: path}
	if p := open(t, c, ""); p.Samples(0) != 2 || p.Samples(1) != 1 || p.Clients() != 2 {
		t.Errorf("%d clients with %d and %d samples", p.Clients(), p.Samples(0), p.Samples(1))
	}
}
