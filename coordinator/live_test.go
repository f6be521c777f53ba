package coordinator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"weir/record/headless"
)

// seen waits until the page says something.
func seen(t *testing.T, b *headless.Browser, words string) {
	t.Helper()
	var text string
	const hung = time.Minute // only what will never come takes as long
	for began := time.Now(); time.Since(began) < hung; time.Sleep(50 * time.Millisecond) {
		text = evaluate[string](t, b, `document.querySelector("main").innerText`)
		if strings.Contains(text, words) {
			return
		}
	}
	t.Fatalf("the page never says %q: %s", words, text)
}

func open(t *testing.T, b *headless.Browser, url string) {
	t.Helper()
	if err := chromedp.Do(b.Ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
}

// The page follows its run from the wait for clients to the end, without being loaded again: it says what is waited for,
// where the run is, that nobody leads, that the run is over. It asks for nothing but itself.
func TestLivePage(t *testing.T) {
	b := headless.Open(t)
	s := newSite(t, load(t, onSite), 3)
	urls := s.startNodes()
	leader := statusUntil(t, urls[0], "a leader", func(s *Status) bool { return s.Leader != "" }).Leader
	watched := slices.IndexFunc(s.ids, func(id string) bool { return id != leader })
	b.Screen(t, 1280, "light")
	open(t, b, urls[watched])
	seen(t, b, "Waiting for 6 clients")
	b.Look(t, "live-waiting").Check(t, 1280, "light")
	evaluate[any](t, b, `void (document.querySelector("h1").stays = true)`)

	s.startWorker("worker-1", 0, 1, 2)
	s.startWorker("worker-2", 3, 4, 5)
	for _, words := range []string{leader + " leads", "Test accuracy", "Staleness as the run went on", "follower", "worker-2", "client 5"} {
		seen(t, b, words)
	}
	for _, scheme := range []string{"light", "dark"} {
		b.Screen(t, 1280, scheme)
		b.Look(t, "live-"+scheme).Check(t, 1280, scheme)
	}
	b.Screen(t, 360, "light")
	b.Look(t, "live-phone").Check(t, 360, "light")

	for i, id := range s.ids {
		if i != watched {
			s.stopOne(s.nodes, id, s.nodes[id])
		}
	}
	seen(t, b, "Nobody leads.")
	seen(t, b, "1 of 3 nodes answer, and 2 are needed")
	b.Screen(t, 1280, "light")
	b.Look(t, "live-leaderless").Check(t, 1280, "light")
	s.stopOne(s.nodes, s.ids[watched], s.nodes[s.ids[watched]])
	seen(t, b, "This node has not answered for")
	if !evaluate[bool](t, b, `document.querySelector("h1").stays === true`) {
		t.Error("the heading is another element than before: the page was not changed in place")
	}
	for _, said := range b.Complaints() {
		if !strings.Contains(said, "ERR_CONNECTION_REFUSED") && !strings.Contains(said, "ERR_EMPTY_RESPONSE") {
			t.Errorf("the browser complained: %s", said)
		}
	}
	for _, address := range b.Asked() {
		if address != urls[watched]+"/" && address != urls[watched]+"/main" && !strings.HasPrefix(address, "data:") {
			t.Errorf("the page asked for %s", address)
		}
	}
}

// A page that was open when its run ended says so, and goes on saying it when the node has ended.
func TestLivePageOfARunThatEnds(t *testing.T) {
	b := headless.Open(t)
	s := newSite(t, load(t, onSite, "stop.versions=60"), 1)
	urls := s.startNodes()
	open(t, b, urls[0])
	s.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
	seen(t, b, "Over: ended by stop.versions after version 60")
	seen(t, b, "The run is over and this node has ended.")
	b.Look(t, "live-over").Check(t, 1280, "light")
}

func evaluate[T any](t *testing.T, b *headless.Browser, script string) T {
	t.Helper()
	value, err := chromedp.Run(b.Ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
