// Package headless opens pages in headless Chromium, for tests.
package headless

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
)

// Browser is a page in headless Chromium, and what it complained about or asked the network for.
type Browser struct {
	Ctx context.Context //nolint:containedctx // chromedp keeps the browser in it

	mu     sync.Mutex
	errors []string
	asked  []string
}

// Open starts a browser that ends with the test; without Chromium the test is skipped.
func Open(t *testing.T) *Browser {
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
	b := &Browser{Ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("starting %s: %v", binary, err)
	}
	_, asking := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logging := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, running := chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	if err := errors.Join(asking, logging, running); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Browser) listen(event any) {
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

// Complaints are what the page logged, threw or printed so far.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.errors)
}

// Asked are the addresses that the page asked for so far, those of files left out.
func (b *Browser) Asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// Screen sets the window's width and the scheme, light or dark, that the page is asked for.
func (b *Browser) Screen(t *testing.T, width int64, scheme string) {
	t.Helper()
	_, resized := chromedp.Call(b.Ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
	_, coloured := chromedp.Call(b.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err := errors.Join(resized, coloured); err != nil {
		t.Fatal(err)
	}
}

// Look measures the page as it stands. With WEIR_SHOTS set to a folder it leaves a picture there.
func (b *Browser) Look(t *testing.T, shot string) Look {
	t.Helper()
	l, err := chromedp.Run(b.Ctx, chromedp.Evaluate[Look](measure))
	if err != nil {
		t.Fatal(err)
	}
	folder := os.Getenv("WEIR_SHOTS")
	if folder == "" {
		return l
	}
	picture, err := chromedp.Run(b.Ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, shot+".png"), picture, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Look is what is measured of a page.
type Look struct {
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

// Check wants a page that fits its window, with charts that can be read, in the colours of its scheme.
func (l Look) Check(t *testing.T, width int64, scheme string) {
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
