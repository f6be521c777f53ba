package worker

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/compress"
	"weir/config"
	"weir/coordinator"
	"weir/fleet"
	"weir/problem/none"
	"weir/vec"
)

// What TestKills runs: updates of a million parameters, top-k 1% in 8 bits, of eight workers with a client each. What a
// client sends is noise that its round's number alone decides, so that it is known what there is to be lost.
const killed = `
seed: 11
problem: {kind: none, dim: 1000000}
clients: {count: 8, concurrency: 0, speed: {kind: fixed, median: 200ms}, link: {}}
compress: {kind: topk, density: 0.01, values: int8, feedback: ec}
aggregate: {kind: fedasync, alpha: 1, weights: identical}
evaluate: {every: 1000000}
`

// TestKills kills real processes with SIGKILL: the leader again and again, workers, and all at once. Then
//
//   - every update that a worker was told is committed is in the ledger once, in the version that it was told;
//   - what was committed, what clients owe and what is in their outboxes add up to all the work that was done;
//   - the nodes have one model, and it is what the recorded log leads to.
//
// The short form kills the leader every 5 s for 20 s. WEIR_KILLS=2m is the whole of it, with a kill every 10 s.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes half a minute")
	}
	length, every := 20*time.Second, 5*time.Second
	if long := os.Getenv("WEIR_KILLS"); long != "" {
		var err error
		if length, err = time.ParseDuration(long); err != nil {
			t.Fatal(err)
		}
		every = 10 * time.Second
	}
	k := newKills(t, length)
	k.start()
	k.await(1)
	var gaps []time.Duration
	random := rand.New(rand.NewPCG(1, 1))
	end := time.Now().Add(length)
	for round := 0; time.Now().Add(every).Before(end); round++ {
		time.Sleep(every)
		if round == 1 {
			k.restart() // all processes at once
			continue
		}
		if gap, ok := k.killLeader(); ok {
			gaps = append(gaps, gap)
		}
		k.kill(fmt.Sprintf("worker-%d", 1+random.IntN(8)))
	}
	k.finish()
	slices.Sort(gaps)
	if len(gaps) == 0 {
		t.Fatal("no leader was killed")
	}
	t.Logf("killed %d leaders; until the next commit: median %v, longest %v", len(gaps), gaps[len(gaps)/2], gaps[len(gaps)-1])
	committed := k.toldIsTrue()
	k.nothingIsLost(committed)
	if out, err := exec.Command(k.weir, "replay", k.dir).CombinedOutput(); err != nil {
		t.Errorf("replay: %v\n%s", err, out)
	}
}

// kills is a run on real processes.
type kills struct {
	t    *testing.T
	weir string // the binary
	dir  string // of the run
	file string // its config
	up   *exec.Cmd
	done chan error
}

func newKills(t *testing.T, length time.Duration) *kills {
	dir := t.TempDir()
	k := &kills{t: t, weir: filepath.Join(dir, "weir"), dir: filepath.Join(dir, "run"), file: filepath.Join(dir, "kills.yaml")}
	if out, err := exec.Command("go", "build", "-o", k.weir, "weir/cmd/weir").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := killed + fmt.Sprintf("stop: {time: %s}\n", length+5*time.Second)
	if err := os.WriteFile(k.file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kills) start() { k.launch("up", k.file, "--out", k.dir, "--record", "frames", "--keep", "-q") }

func (k *kills) launch(args ...string) {
	k.up = exec.Command(k.weir, args...)
	log, err := os.OpenFile(filepath.Join(filepath.Dir(k.dir), "up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		k.t.Fatal(err)
	}
	defer log.Close()
	k.up.Stdout, k.up.Stderr = log, log
	if err := k.up.Start(); err != nil {
		k.t.Fatal(err)
	}
	up, done := k.up, make(chan error, 1)
	k.done = done
	go func() { done <- up.Wait() }()             // ends with the process, which the test kills or waits for
	k.t.Cleanup(func() { _ = up.Process.Kill() }) // it may have ended
}

// restart kills everything at once, and goes on with what is on disk.
func (k *kills) restart() {
	before := k.status().Version
	if err := k.up.Process.Kill(); err != nil { // its children die with it
		k.t.Fatal(err)
	}
	if err := <-k.done; err == nil {
		k.t.Fatal("the run was over before it was killed")
	}
	k.launch("up", "--resume", k.dir, "--record", "frames", "--keep", "-q")
	if after := k.await(before); after < before {
		k.t.Errorf("the run went on from version %d, it was at %d", after, before)
	}
}

// finish waits for the end of the run.
func (k *kills) finish() {
	select {
	case err := <-k.done:
		if err != nil {
			text, _ := os.ReadFile(filepath.Join(filepath.Dir(k.dir), "up.log")) //nolint:errcheck // what there is
			k.t.Fatalf("weir up: %v\n%s", err, text)
		}
	case <-time.After(2 * time.Minute):
		k.t.Fatal("the run does not end")
	}
}

func (k *kills) where() (at struct {
	HTTP []string       `json:"http"`
	PIDs map[string]int `json:"pids"`
},
) {
	text, err := os.ReadFile(filepath.Join(k.dir, "cluster.json"))
	if err == nil {
		_ = json.Unmarshal(text, &at)
	}
	return at
}

// status is what the newest of the nodes says.
func (k *kills) status() (newest coordinator.Status) {
	for _, url := range k.where().HTTP {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/status.json", nil)
		if err != nil {
			k.t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			var s coordinator.Status
			if json.NewDecoder(answer.Body).Decode(&s) == nil && s.Version >= newest.Version {
				newest = s
			}
			answer.Body.Close()
		}
		cancel()
	}
	return newest
}

// await waits for a version after this one.
func (k *kills) await(version uint64) uint64 {
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		if s := k.status(); s.Version > version {
			return s.Version
		}
	}
	k.t.Fatalf("nothing is committed after version %d", version)
	return 0
}

func (k *kills) kill(name string) bool {
	pid := k.where().PIDs[name]
	return pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil
}

// killLeader kills the leader and says how long it took until the others committed again, by the run's record: what an
// observer of the log sees.
func (k *kills) killLeader() (time.Duration, bool) {
	leader := k.status().Leader
	if leader == "" || !k.kill(leader) {
		return 0, false
	}
	began := time.Now()
	before := k.status().Version // what the others know; the leader may have been further
	k.await(before)
	return time.Since(began), true
}

// update names one.
type updateID struct {
	client uint32
	seq    uint64
}

// toldIsTrue holds what workers logged as committed against the ledger's record, and returns what is committed.
func (k *kills) toldIsTrue() map[updateID]bool {
	committed := map[updateID]uint64{}
	for _, row := range k.rows("updates.csv") {
		version := number64(row["version"])
		if version == 0 {
			continue
		}
		id := updateID{uint32(number64(row["client"])), number64(row["seq"])}
		if committed[id] != 0 {
			k.t.Errorf("update %+v is committed twice, in versions %d and %d", id, committed[id], version)
		}
		committed[id] = version
	}
	told := map[updateID]bool{} // one that was killed before it could remember was told again
	k.logged(func(message string, id updateID, version uint64) {
		if message != "committed" {
			return
		}
		told[id] = true
		if committed[id] != version {
			k.t.Errorf("a worker was told that %+v is in version %d, the ledger has it in %d", id, version, committed[id])
		}
	})
	if len(told) == 0 || len(committed) < len(told) {
		k.t.Errorf("workers were told of %d commits, the ledger has %d", len(told), len(committed))
	}
	k.t.Logf("%d updates committed, workers were told of %d", len(committed), len(told))
	all := map[updateID]bool{}
	for id := range committed {
		all[id] = true
	}
	return all
}

// logged reads what the workers said of their updates.
func (k *kills) logged(do func(message string, id updateID, version uint64)) {
	files, err := filepath.Glob(filepath.Join(k.dir, "logs", "worker-*.log"))
	if err != nil || len(files) != 8 {
		k.t.Fatal(files, err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			k.t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			parts := strings.SplitN(lines.Text(), "\t", 4)
			if len(parts) < 4 || !slices.Contains([]string{"made", "committed", "late", "refused"}, parts[2]) {
				continue
			}
			var fields struct {
				Client  uint32
				Round   uint64
				Version uint64
			}
			if err := json.Unmarshal([]byte(parts[3]), &fields); err != nil {
				continue // a line that a kill cut
			}
			do(parts[2], updateID{fields.Client, fields.Round}, fields.Version)
		}
		f.Close()
	}
}

// nothingIsLost adds up what was committed, what clients owe, and what is in their outboxes.
func (k *kills) nothingIsLost(committed map[updateID]bool) {
	cfg, err := config.Load(filepath.Join(k.dir, "config.yaml"), nil)
	if err != nil {
		k.t.Fatal(err)
	}
	dim := cfg.Problem.Dim
	codec, err := compress.NewCodec[float32](cfg.Compress, dim, cfg.Seed)
	if err != nil {
		k.t.Fatal(err)
	}
	made := map[updateID]bool{}
	for id := range committed {
		made[id] = true
	}
	k.logged(func(_ string, id updateID, _ uint64) { made[id] = true })
	there := make([]float64, dim) // committed, owed, and waiting
	for i, v := range k.model() {
		there[i] = -float64(v) // x -= what was committed
	}
	waiting := make([]float32, dim)
	for client := range uint32(cfg.Clients.Count) {
		s, err := loadState(codec, filepath.Join(k.dir, "workers", fmt.Sprintf("worker-%d", client+1)), string(cfg.YAML()), client)
		if err != nil || s == nil {
			k.t.Fatalf("client %d left no state: %v", client, err)
		}
		for i, v := range s.memory.Owed() {
			there[i] += float64(v)
		}
		for _, u := range s.outbox {
			id := updateID{client, u.seq}
			made[id] = true
			if !committed[id] {
				add(codec, waiting, u.bytes)
			}
		}
	}
	for i, v := range waiting {
		there[i] += float64(v)
	}
	all, noise := make([]float64, dim), make([]float32, dim)
	for id := range made {
		none.Noise(noise, fleet.Round(cfg.Seed, id.client, id.seq))
		for i, v := range noise {
			all[i] += float64(v)
		}
	}
	worst := 0.0
	for i := range all {
		worst = max(worst, math.Abs(all[i]-there[i]))
	}
	k.t.Logf("%d rounds of work, %d committed; largest difference %.2g of numbers up to 1", len(made), len(committed), worst)
	if worst > 0.02 { // one lost round differs by up to 1 somewhere; float32 sums of thousands do by far less
		k.t.Errorf("what was committed, owed and waiting differs from all work by %v", worst)
	}
}

func add(codec *compress.Codec[float32], y []float32, update []byte) {
	for len(update) > 0 {
		f, rest, err := codec.Parse(update)
		if err != nil {
			panic(err)
		}
		codec.Add(y, 1, f)
		update = rest
	}
}

// model reads the run's model.safetensors.
func (k *kills) model() []float32 {
	b, err := os.ReadFile(filepath.Join(k.dir, "model.safetensors"))
	if err != nil {
		k.t.Fatal(err)
	}
	values := b[8+binary.LittleEndian.Uint64(b):]
	x := make([]float32, len(values)/4)
	vec.Read(x, values)
	return x
}

// rows reads a CSV file of the run.
func (k *kills) rows(name string) (rows []map[string]string) {
	f, err := os.Open(filepath.Join(k.dir, name))
	if err != nil {
		k.t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) == 0 {
		k.t.Fatal(errors.Join(err, errors.New("no rows")))
	}
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func number64(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64) //nolint:errcheck // an empty cell is 0
	return n
}
