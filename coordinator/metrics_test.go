package coordinator

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weir/staleness"
	"weir/transport"
)

// metricsUntil asks for the metrics until they have a line.
func metricsUntil(t *testing.T, url, line string) string {
	t.Helper()
	const hung = time.Minute // only what will never come takes as long
	text := ""
	for began := time.Now(); time.Since(began) < hung; time.Sleep(20 * time.Millisecond) {
		if _, text = get(t, url+metricsPath); strings.Contains(text, line) {
			return text
		}
	}
	t.Fatalf("%s never came: %s", line, text)
	return ""
}

// only is a collector of one metric.
type only struct{ prometheus.Metric }

func (o only) Describe(to chan<- *prometheus.Desc) { to <- o.Desc() }
func (o only) Collect(to chan<- prometheus.Metric) { to <- o.Metric }

var metricName = regexp.MustCompile("(?m)^# TYPE (weir_[a-z_]+) ([a-z]+)$")

// What a node exports is what docs/metrics.md says, by name and kind, and fits Prometheus's own rules.
func TestMetricsAreThoseOfTheDocument(t *testing.T) {
	s := newSite(t, load(t, onSite), 1)
	url := s.startNodes()[0]
	s.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
	statusUntil(t, url, "an evaluation", func(s *Status) bool { return s.Version > 5 && s.Metrics["loss"] != 0 })
	stranger := s.net.Connect("stranger")
	defer stranger.Close()
	if err := stranger.Publish(transport.NewSubjects("on-site").Update(0), []byte("?")); err != nil {
		t.Fatal(err)
	}
	text := metricsUntil(t, url, `weir_refusals_total{reason="malformed message"} 1`)

	document, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var exported, documented []string
	for _, m := range metricName.FindAllStringSubmatch(text, -1) {
		exported = append(exported, m[1]+" "+m[2])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(weir_[a-z_]+)` \\| ([a-z]+)").FindAllStringSubmatch(string(document), -1) {
		documented = append(documented, m[1]+" "+m[2])
	}
	slices.Sort(exported)
	slices.Sort(documented)
	if !slices.Equal(exported, documented) {
		t.Errorf("exported %q\ndocumented %q", exported, documented)
	}
	for _, line := range []string{
		`weir_run_info{node="node-1",run="on-site"} 1`, `weir_raft_role{role="leader"} 1`, `weir_raft_role{role="follower"} 0`,
		`weir_updates_total{reason="",verdict="admitted"}`, `weir_clients{state="absent"} 0`, `weir_evaluation{metric="test_accuracy"}`,
		`weir_update_staleness_versions_bucket{le="+Inf"}`, "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// The histogram's buckets count what the ledger counted up to their bounds, its last bin and all.
func TestStalenessBuckets(t *testing.T) {
	var age staleness.Histogram
	for _, s := range []uint64{0, 0, 1, 4, 5, 6, 233, 234, 1000} {
		age.Add(s)
	}
	got := stalenessMetric(&age)
	err := testutil.CollectAndCompare(only{got}, strings.NewReader(`
# HELP weir_update_staleness_versions How stale the admitted updates were.
# TYPE weir_update_staleness_versions histogram
weir_update_staleness_versions_bucket{le="0"} 2
weir_update_staleness_versions_bucket{le="1"} 3
weir_update_staleness_versions_bucket{le="2"} 3
weir_update_staleness_versions_bucket{le="3"} 3
weir_update_staleness_versions_bucket{le="5"} 5
weir_update_staleness_versions_bucket{le="8"} 6
weir_update_staleness_versions_bucket{le="13"} 6
weir_update_staleness_versions_bucket{le="21"} 6
weir_update_staleness_versions_bucket{le="34"} 6
weir_update_staleness_versions_bucket{le="55"} 6
weir_update_staleness_versions_bucket{le="89"} 6
weir_update_staleness_versions_bucket{le="144"} 6
weir_update_staleness_versions_bucket{le="233"} 7
weir_update_staleness_versions_bucket{le="+Inf"} 9
weir_update_staleness_versions_sum 1483
weir_update_staleness_versions_count 9
`))
	if err != nil {
		t.Error(err)
	}
}

// Where others can reach a node, all but its health wants the token: in a header, once in the address, or as the cookie
// that the address brought. A node that could be reached without one does not start.
func TestAccess(t *testing.T) {
	inside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answerText(w, http.StatusOK, "inside") })
	public, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	cfg := Config{Node: "a", Members: []Member{{ID: "a"}}, HTTP: public}
	if err := cfg.validate(); err == nil || !strings.Contains(err.Error(), "it needs a token, or to be public by name") {
		t.Errorf("a node that everybody can read: %v", err)
	}
	cfg.HTTPToken = "right"
	server := httptest.NewTLSServer(cfg.guard(inside))
	defer server.Close()
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	ask := func(address string, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(header) > 0 {
			r.Header.Set(header[0], header[1])
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode, answer.Request.URL.String()
	}
	for _, c := range []struct {
		name, query string
		header      []string
		want        int
	}{
		{"nothing", "", nil, 401},
		{"another token", "", []string{"Authorization", "Bearer wrong"}, 401},
		{"no token", "", []string{"Authorization", "Bearer "}, 401},
		{"the token as another scheme", "", []string{"Authorization", "Basic right"}, 401},
		{"another token in the address", "?token=wrong", nil, 401},
		{"the token as the cookie", "", []string{"Cookie", "weir=right"}, 401},
		{"the token", "", []string{"Authorization", "Bearer right"}, 200},
		{"the token in the address", "?token=right", nil, 200},
		{"the cookie", "", nil, 200},
	} {
		status, at := ask(server.URL+"/"+c.query, c.header...)
		if status != c.want {
			t.Errorf("%s: %d, want %d", c.name, status, c.want)
		}
		if status == 200 && strings.Contains(at, "right") {
			t.Errorf("%s: the token stays in the address %s", c.name, at)
		}
	}
	cfg.HTTPToken, cfg.HTTPPublic = "", true
	if err := cfg.validate(); err != nil && strings.Contains(err.Error(), "token") {
		t.Errorf("public by name: %v", err)
	}
}

// Nodes that want a token show it to each other; whoever asks from outside needs it, and is told so.
func TestATokenBetweenNodes(t *testing.T) {
	s := newSite(t, load(t, onSite), 3)
	s.conf = func(c *Config) {
		c.HTTP = far{c.HTTP}
		c.HTTPToken = "right"
	}
	urls := s.startNodes()
	for _, c := range []struct{ path, want string }{{healthPath, "up"}, {statusPath, "http.token"}, {metricsPath, "http.token"}, {nodePath, "http.token"}, {"/", "http.token"}} {
		if _, text := get(t, urls[0]+c.path); !strings.Contains(text, c.want) {
			t.Errorf("%s says %q", c.path, text)
		}
	}
	stranger := NewAsker(urls, "wrong", nil)
	defer stranger.Close()
	if _, err := stranger.Status(t.Context()); !errors.Is(err, ErrToken) {
		t.Errorf("with another token: %v", err)
	}
	s.startWorker("worker-1", 0, 1, 2, 3, 4, 5)
	asker := NewAsker(append([]string{"http://127.0.0.1:1"}, urls...), "right", &tls.Config{MinVersion: tls.VersionTLS13})
	defer asker.Close()
	for {
		got, err := asker.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Version > 3 && !slices.ContainsFunc(got.Nodes, func(n NodeStatus) bool { return n.Version == 0 || n.Role == roleGone }) {
			break
		}
	}
}

// far is a listener that says others can reach it.
type far struct{ net.Listener }

func (far) Addr() net.Addr { return named("10.0.0.1:8080") }

// Asking nobody who answers names everybody who was asked.
func TestAskingNobody(t *testing.T) {
	asker := NewAsker([]string{"http://127.0.0.1:1", "http://127.0.0.1:2"}, "", nil)
	defer asker.Close()
	_, err := asker.Status(t.Context())
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "127.0.0.1:2") {
		t.Errorf("%v", err)
	}
}
