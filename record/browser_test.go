package record

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"weir/record/chart"
)

// browser is a page in headless Chromium, and what it complained about or asked the network for.
type browser struct {
	ctx    context.Context
	mu     sync.Mutex
	errors []string
	asked  []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	if binary == "" {
		t.Skip("no chromium on PATH: the pages are not looked at in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute) // against a browser that hangs, not a measure of anything
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("starting %s: %v", binary, err)
	}
	_, asking := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logging := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, running := chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	must(t, errors.Join(asking, logging, running))
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.errors = append(b.errors, e.Entry.Text)
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.errors = append(b.errors, "console."+string(e.Type))
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "file:") && !strings.HasPrefix(e.Request.URL, "data:") {
			b.asked = append(b.asked, e.Request.URL)
		}
	}
}

// look is what is measured of a page.
type look struct {
	Overflow int      // pixels that the page is wider than the window
	Paper    string   // background
	Ink      string   // text colour
	Charts   int      // svg.chart
	Empty    []string // charts without marks, or of no size
	Outside  []string // marks that reach out of their chart
	Covered  []string // labels that overlap each other
	Text     string   // all of it
}

// measure runs in the page.
const measure = `(() => {
	const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3;
	const style = getComputedStyle(document.body);
	const l = {Overflow: document.documentElement.scrollWidth - window.innerWidth, Paper: style.backgroundColor, Ink: style.color,
		Charts: 0, Empty: [], Outside: [], Covered: [], Text: document.body.innerText};
	for (const svg of document.querySelectorAll("svg.chart")) {
		l.Charts++;
		const name = svg.getAttribute("aria-label"), box = svg.getBoundingClientRect();
		const marks = [...svg.querySelectorAll("path, rect, circle")].map(m => m.getBoundingClientRect());
		if (box.width < 100 || box.height < 10 || !marks.some(m => m.width + m.height > 1)) l.Empty.push(name);
		if (marks.some(m => m.left < box.left - 6 || m.right > box.right + 6 || m.top < box.top - 6 || m.bottom > box.bottom + 6)) l.Outside.push(name);
		const ticks = [...svg.querySelectorAll("text.tick, text.value, text.title")];
		for (let i = 0; i < ticks.length; i++)
			for (let j = 0; j < i; j++)
				if (overlap(ticks[i].getBoundingClientRect(), ticks[j].getBoundingClientRect()))
					l.Covered.push(name + ": " + ticks[i].textContent + " and " + ticks[j].textContent);
	}
	return l;
})()`

// open shows the page at a width and scheme, and measures it. With WEIR_SHOTS set to a folder it leaves a picture there.
func (b *browser) open(t *testing.T, path, shot string, width int64, scheme string) look {
	t.Helper()
	_, resized := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
	_, coloured := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(t, errors.Join(resized, coloured, chromedp.Do(b.ctx, chromedp.Navigate("file://"+path))))
	l, err := chromedp.Run(b.ctx, chromedp.Evaluate[look](measure))
	must(t, err)
	if folder := os.Getenv("WEIR_SHOTS"); folder != "" {
		picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, shot+".png"), picture, 0o666))
	}
	return l
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
	b := newBrowser(t)
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
				l := b.open(t, path, shot, screen.width, screen.scheme)
				l.check(t, screen.width, screen.scheme)
			}
		})
	}
	if b.errors != nil {
		t.Errorf("the browser complained: %q", b.errors)
	}
	if b.asked != nil {
		t.Errorf("the page asked the network for %q", b.asked)
	}
}

func (l look) check(t *testing.T, width int64, scheme string) {
	t.Helper()
	if l.Overflow > 0 {
		t.Errorf("%d pixels, %s: the page is %d too wide", width, scheme, l.Overflow)
	}
	if len(l.Empty)+len(l.Outside)+len(l.Covered) > 0 {
		t.Errorf("%d pixels, %s: empty %q, outside %q, covered %q", width, scheme, l.Empty, l.Outside, l.Covered[:min(3, len(l.Covered))])
	}
	if want := map[string]string{"light": "rgb(252, 252, 250)", "dark": "rgb(20, 22, 26)"}[scheme]; l.Paper != want || l.Ink == l.Paper {
		t.Errorf("%s: %s on %s", scheme, l.Ink, l.Paper)
	}
	for _, bad := range []string{"NaN", "Inf", "%!", "<nil>", "ZgotmplZ"} {
		if strings.Contains(l.Text, bad) {
			t.Errorf("the page says %q: %s", bad, around(l.Text, bad))
		}
	}
}

func around(text, word string) string {
	i := strings.Index(text, word)
	return text[max(0, i-60):min(len(text), i+60)]
}

// Pointing at a curve shows its values: those of the run, read back off the scale.
func TestHoverReadsValuesOffTheCurves(t *testing.T) {
	b := newBrowser(t)
	dir := sample{policy: "fedavg", versions: 100}.folder(t)
	must(t, chromedp.Do(b.ctx, chromedp.Navigate("file://"+filepath.Join(dir, reportFile))))
	tip, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(() => {
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
