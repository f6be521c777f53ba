package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"weir/coordinator"
)

// shown is a cluster of three nodes, one of them gone, and four clients.
func shown() coordinator.Status {
	return coordinator.Status{
		Run: "quickstart", Node: "node-1", Version: 12, Leader: "node-2", Time: 3.25, Done: 0.4, TrainLoss: coordinator.Figure(math.NaN()),
		Staleness: 1.5, BytesUp: 61300, Metrics: map[string]coordinator.Figure{"loss": 0.5, "test_accuracy": 0.75},
		Nodes: []coordinator.NodeStatus{
			{ID: "node-1", Role: "follower", PID: 11, HTTP: "http://127.0.0.1:8081", Version: 12, Digest: "0123456789abcdef", DigestAt: 10, LastContact: 14},
			{ID: "node-2", Role: "leader", PID: 12, HTTP: "http://127.0.0.1:8082", Version: 12, Digest: "0123456789abcdef", DigestAt: 10},
			{ID: "node-3", Role: "gone", PID: 13, HTTP: "http://127.0.0.1:8083", Version: 7, LastContact: -1},
		},
		Clients: []coordinator.ClientStatus{
			{ID: 0, Worker: "worker-1", State: "working", Staleness: 2, Updates: 4, LastLoss: 0.61, Blocked: 0.02},
			{ID: 1, Worker: "worker\x1b[2J", State: "waiting", Updates: 4, LastLoss: coordinator.Figure(math.NaN())},
			{ID: 2, State: "absent"},
			{ID: 3, State: "idle"},
		},
	}
}

const wantStatus = `quickstart: 40%  version 12  3.2s  loss 0.5  accuracy 75.0%  staleness 1.5  61.3 kB up  node-2 leads, 2 of 3 nodes

NODE    ROLE      VERSION  DIGEST              LEADER HEARD  PID  HTTP
node-1  follower  12       0123456789ab of 10  14ms ago      11   http://127.0.0.1:8081
node-2  leader    12       0123456789ab of 10  -             12   http://127.0.0.1:8082
node-3  gone      7        -                   -             13   http://127.0.0.1:8083

CLIENT  STATE    WORKER      STALENESS  UPDATES  LOSS  BLOCKED
0       working  worker-1    2          4        0.61  2.0%
1       waiting  worker?[2J  0          4        -     0.0%
2       absent   -           0          0        0     0.0%
3       idle     -           0          0        0     0.0%
`

// serve answers as a node does, and wants a token if there is one.
func serve(t *testing.T, token string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(shown()) //nolint:errchkjson // the test fails on what is missing
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// weir status passes over a node that is gone, and prints what the next one says: for people, and whole as JSON. weir top
// prints the same where there is no terminal.
func TestStatusOfACluster(t *testing.T) {
	dir := t.TempDir()
	text, err := json.Marshal(clusterFile{HTTP: []string{"http://127.0.0.1:1", serve(t, "")}})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "cluster.json"), text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"status", "top"} {
		var out strings.Builder
		if code := run([]string{command, "--dir", dir}, terminal{out: &out, err: io.Discard}); code != 0 {
			t.Errorf("weir %s: exit status %d", command, code)
		}
		if diff := cmp.Diff(wantStatus, out.String()); diff != "" {
			t.Errorf("weir %s (-want +got)\n%s", command, diff)
		}
	}
	var out strings.Builder
	var got coordinator.Status
	code := run([]string{"status", "--dir", dir, "--json"}, terminal{out: &out, err: io.Discard})
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || code != 0 {
		t.Fatalf("exit status %d, %v", code, err)
	}
	if got.Leader != "node-2" || len(got.Nodes) != 3 || got.Clients[0] != shown().Clients[0] || got.Clients[1].LastLoss.Finite() {
		t.Errorf("%+v", got)
	}
}

// A node that wants the token gets the one of --token-file; without it the command says where it is.
func TestStatusShowsTheToken(t *testing.T) {
	url := serve(t, "secret")
	file := filepath.Join(t.TempDir(), "http.token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaint strings.Builder
	if code := run([]string{"status", "--at", url, "--token-file", file}, terminal{out: &out, err: io.Discard}); code != 0 || out.String() != wantStatus {
		t.Errorf("with the token: exit status %d, %s", code, out.String())
	}
	code := run([]string{"status", "--at", url}, terminal{out: io.Discard, err: &complaint})
	if code != exitFailed || !strings.Contains(complaint.String(), "--token-file names it") {
		t.Errorf("without it: exit status %d, %s", code, complaint.String())
	}
}

// Before the first version no staleness is shown, since there is none.
func TestStatusBeforeTheFirstVersion(t *testing.T) {
	s := shown()
	s.Version, s.Staleness = 0, coordinator.Figure(math.NaN())
	if text := headline(s); strings.Contains(text, "NaN") || strings.Contains(text, "staleness") {
		t.Error(text)
	}
}

// The screen of weir top fits the terminal, moves through the clients, keeps what it heard last when nobody answers, and
// ends with q.
func TestTopScreen(t *testing.T) {
	screen := &topScreen{ctx: context.Background(), status: shown()}
	press := func(key rune) tea.Cmd {
		_, next := screen.Update(tea.KeyPressMsg{Code: key, Text: string(key)})
		return next
	}
	screen.Update(tea.WindowSizeMsg{Width: 60, Height: 12})
	lines := screen.lines()
	if len(lines) != 12 || lines[1] != "["+strings.Repeat("#", 23)+strings.Repeat(" ", 35)+"]" || lines[11] != "q quits  clients 1-2 of 4" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		if len([]rune(line)) > 60 {
			t.Errorf("too long for the screen: %q", line)
		}
	}
	for range 9 {
		press('j')
	}
	if lines = screen.lines(); lines[11] != "q quits  clients 3-4 of 4" || !strings.HasPrefix(lines[10], "3 ") {
		t.Errorf("at the end: %q", lines)
	}
	for range 9 {
		press('k')
	}
	if lines = screen.lines(); !strings.HasPrefix(lines[9], "0 ") {
		t.Errorf("at the beginning again: %q", lines)
	}

	screen.Update(answered{err: errors.New("no node answers\nbecause")})
	if lines = screen.lines(); lines[2] != "no node answers; this is what was last heard" || !strings.Contains(lines[0], "version 12") {
		t.Errorf("nobody answers: %q", lines)
	}
	later := shown()
	later.Version = 13
	screen.Update(answered{status: later})
	if lines = screen.lines(); lines[2] != "" || !strings.Contains(lines[0], "version 13") {
		t.Errorf("somebody answers: %q", lines)
	}
	if next := press('q'); next == nil || next() != tea.Quit() {
		t.Error("q does not end it")
	}
	screen.Update(tea.WindowSizeMsg{Width: 0, Height: 0}) // a terminal that is being made smaller
	screen.View()
}
