package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"weir/record/chart"
	"weir/record/headless"
)

// show shows a page at a width and scheme, and measures it.
func show(t *testing.T, b *headless.Browser, path, shot string, width int64, scheme string) headless.Look {
	t.Helper()
	b.Screen(t, width, scheme)
	must(t, chromedp.Do(b.Ctx, chromedp.Navigate("file://"+path)))
	return b.Look(t, shot)
}

// samplePages are runs of every kind that a page must be able to show.
func samplePages(t *testing.T) map[string][]*Loaded {
	load := func(s sample) *Loaded {
		l, err := Open(s.folder(t))
		must(t, err)
		return l
	}
	killed := sample{name: "killed", policy: "fedfix", versions: 40}.folder(t)
	must(t, os.Remove(filepath.Join(killed, summaryFile)))
	left, err := Open(killed)
	must(t, err)
	four := []*Loaded{
		load(sample{policy: "fedavg", versions: 100, bias: 0.1}),
		load(sample{policy: "fedfix", versions: 260, bias: 0.1}),
		load(sample{policy: "fedbuff", versions: 320, bias: 0.7}),
		load(sample{policy: "fedasync", versions: 1500, bias: 0.8}),
	}
	return map[string][]*Loaded{
		"fedavg":      four[:1],
		"fedfix":      four[1:2],
		"four":        four,
		"diverged":    {load(sample{name: "diverged", policy: "fedbuff", versions: 30, stopped: "diverged"})},
		"interrupted": {load(sample{name: "interrupted", policy: "fedfix", versions: 30, stopped: "interrupt", bytes: 6360})},
		"killed":      {left},
		"none":        {load(sample{name: "none", versions: 50, none: true, policy: "fedasync"})},
		"initial":     {load(sample{name: "initial", versions: -1})},
		"one-version": {load(sample{name: "one-version", versions: 1})},
		"few-clients": {load(sample{name: "few-clients", clients: 4, inFlight: 3, versions: 12, policy: "fedfix"})},
		"thousand":    {load(sample{name: "thousand", clients: 1000, inFlight: 1000, versions: 60, policy: "fedfix", bias: 0.3})},
		"unlike":      {four[1], left, load(sample{name: "none-2", versions: 5, none: true})},
	}
}

// Every page opens without a complaint and without the network, at the widths of a phone and of a desk, in both
// schemes; its charts have marks inside their boxes and labels that do not cover each other.
func TestPagesInABrowser(t *testing.T) {
	b := headless.Open(t)
	dir := t.TempDir()
	for name, runs := range samplePages(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name+".html")
			must(t, WriteReport(path, runs, &Target{"test_accuracy", 0.75}))
			for _, screen := range []struct {
				width  int64
				scheme string
			}{{360, "light"}, {1280, "light"}, {1280, "dark"}} {
				shot := name + "-" + screen.scheme
				if screen.width < 500 {
					shot = name + "-phone"
				}
				l := show(t, b, path, shot, screen.width, screen.scheme)
				l.Check(t, screen.width, screen.scheme)
			}
		})
	}
	if said := b.Complaints(); said != nil {
		t.Errorf("the browser complained: %q", said)
	}
	if asked := b.Asked(); asked != nil {
		t.Errorf("the page asked the network for %q", asked)
	}
}

// Pointing at a curve shows its values: those of the run, read back off the scale.
func TestHoverReadsValuesOffTheCurves(t *testing.T) {
	b := headless.Open(t)
	dir := sample{policy: "fedavg", versions: 100}.folder(t)
	must(t, chromedp.Do(b.Ctx, chromedp.Navigate("file://"+filepath.Join(dir, reportFile))))
	tip, err := chromedp.Run(b.Ctx, chromedp.Evaluate[string](`(() => {
		const box = document.querySelector("svg.curves").parentNode.getBoundingClientRect();
		document.querySelector(".frame").dispatchEvent(new PointerEvent("pointermove", {clientX: box.right, clientY: box.top + 5, bubbles: true}));
		return document.getElementById("tip").textContent;
	})()`))
	must(t, err)
	l, err := Open(dir)
	must(t, err)
	last := l.Evaluated[len(l.Evaluated)-1]
	accuracy, _ := last.Metrics.Get("test_accuracy")
	want := []string{chart.Number(last.Time) + " s", "evaluation  " + chart.Number(accuracy)}
	for _, w := range want {
		if !strings.Contains(tip, w) {
			t.Errorf("the tip says %q, want %q in it", tip, w)
		}
	}
}
