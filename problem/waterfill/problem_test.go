package waterfill_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/config"
	"weir/journal"
	"weir/problem"
	"weir/problem/certificate"
	"weir/problem/waterfill"
	"weir/record"
	"weir/simulate"
)

const workedGame = `{"gain": [[[1,1],[0.5,0.25]],[[0.25,0.5],[1,1]]], "noise": [[0.1,0.5],[0.5,0.1]], "budget": [1,1], "start": [[0.5,0.5],[0.5,0.5]]}`

// load writes a game and a config of a run that plays it.
func load(t *testing.T, game, yaml string, sets ...string) config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"game.json": game, "run.yaml": yaml} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "run.yaml"), sets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func draw(t *testing.T, users, carriers int, cross float64) (string, *waterfill.Game) {
	t.Helper()
	g, err := waterfill.Generator{Kind: waterfill.Taps, Users: users, Carriers: carriers, Cross: cross, Seed: 2}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	return string(g.AppendJSON(nil, 0)), g
}

func run(t *testing.T, c config.Config, rows journal.Rows) record.Summary {
	t.Helper()
	result, err := simulate.Run(context.Background(), c, simulate.Options{Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	return result.Summary
}

// ALGORITHMS.md section 5, as a run: with all clients equally fast, versions are simultaneous iterations.
func TestWorkedGameAsARun(t *testing.T) {
	for version, want := range [][]float64{
		1: {51. / 80, 29. / 80, 29. / 80, 51. / 80},
		2: {441. / 640, 199. / 640, 199. / 640, 441. / 640},
		3: {3627. / 5120, 1493. / 5120, 1493. / 5120, 3627. / 5120},
	} {
		if version == 0 {
			continue
		}
		for _, kind := range []string{"fedavg", "fedfix, window: 1s", "fedbuff, size: 2"} {
			c := load(t, workedGame, "problem: {kind: waterfill, file: game.json}\nclients: {durations: [1, 1]}\naggregate: {kind: "+kind+"}\n")
			c.Stop.Versions = version
			s := run(t, c, nil)
			for i, v := range s.Theta {
				if len(s.Theta) != 4 || math.Abs(v-want[i]) > 1e-12 {
					t.Errorf("%s, version %d: %v, want %v", kind, version, s.Theta, want)
					break
				}
			}
		}
	}
}

// outer.lr is the relaxation: half of it goes half of the way.
func TestRelaxationIsTheServersRate(t *testing.T) {
	c := load(t, workedGame, "problem: {kind: waterfill, file: game.json}\nclients: {durations: [1, 1]}\naggregate: {kind: fedavg}\nouter: {lr: 0.5}\nstop: {versions: 1}\n")
	want := []float64{(1./2 + 51./80) / 2, (1./2 + 29./80) / 2}
	if s := run(t, c, nil); math.Abs(s.Theta[0]-want[0]) > 1e-12 || math.Abs(s.Theta[1]-want[1]) > 1e-12 {
		t.Errorf("%v, want %v", s.Theta, want)
	}
}

// On every policy, with clients of very different speeds that drop out now and then, the run comes to the equilibrium
// that the solver finds, to 1e-10.
func TestRunsReachTheSolversEquilibrium(t *testing.T) {
	text, g := draw(t, 8, 16, .002)
	opt := waterfill.DefaultOptions()
	var err error
	if opt.Certificate, err = certificate.Of(g.Lipschitz()); err != nil || !opt.Certificate.Certified {
		t.Fatalf("%+v, %v", opt.Certificate, err)
	}
	solved, err := waterfill.Solve(context.Background(), g, opt)
	if err != nil || !solved.Converged {
		t.Fatalf("%+v, %v", solved, err)
	}
	for name, sets := range map[string][]string{
		"synchronous":              {"aggregate.kind=fedavg"},
		"windows":                  {"aggregate.kind=fedfix"},
		"buffered":                 {"aggregate={kind: fedbuff, size: 3}"},
		"asynchronous":             {"aggregate.kind=fedasync"},
		"discounted for age":       {"aggregate.kind=fedasync", "staleness.kind=polynomial", "clients.speed.sigma=0.5"},
		"too old is not counted":   {"aggregate.kind=fedasync", "staleness.max=12", "clients.speed.sigma=0.5"},
		"pausing":                  {"aggregate.kind=fedasync", "clients.dropout=0.3", "clients.away=5s"},
		"relaxed":                  {"aggregate.kind=fedfix", "outer.lr=0.7"},
		"a few at a time":          {"aggregate.kind=fedbuff", "aggregate.size=2", "clients.concurrency=3"},
		"measuring half the band":  {"aggregate.kind=fedasync", "problem.measured=0.5"},
		"sending the largest half": {"aggregate.kind=fedasync", "compress={kind: topk, density: 0.06, values: fp32}"},
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, text, "problem: {kind: waterfill, file: game.json}\nclients: {count: 8, speed: {sigma: 1.5}}\nstop: {versions: 6000, target: {metric: residual, value: 1e-13}}\n", sets...)
			s := run(t, c, nil)
			for i, v := range solved.Power {
				if math.Abs(v-s.Theta[i]) > 1e-10 {
					t.Fatalf("p[%d] = %v, want %v; %+v", i, s.Theta[i], v, s.Metrics["residual"])
				}
			}
			if name == "too old is not counted" && s.Updates.Late == 0 {
				t.Error("no update was too old: the test sees nothing")
			}
			if s.XStarDistance == nil || *s.XStarDistance > 1e-10 {
				t.Errorf("distance from the equilibrium: %v", s.XStarDistance)
			}
		})
	}
}

// rows keeps the rows of updates.
type rows struct{ updates []record.UpdateRow }

func (*rows) Version(record.VersionRow) error { return nil }
func (*rows) Rewind(int, int) error           { return nil }
func (r *rows) Update(u record.UpdateRow) error {
	r.updates = append(r.updates, u)
	return nil
}

// An update of one user of many is a small part of the vector, and takes as many bytes: at most its carriers.
func TestOnlyChangedCarriersTravel(t *testing.T) {
	const users, carriers = 32, 64
	text, _ := draw(t, users, carriers, .0003)
	c := load(t, text, "problem: {kind: waterfill, file: game.json}\nclients: {count: 32}\naggregate: {kind: fedasync}\nstop: {versions: 200}\n")
	var r rows
	s := run(t, c, &r)
	for _, u := range r.updates {
		if u.BytesUp > 64+carriers*(8+2) {
			t.Fatalf("client %d sent %d bytes for %d carriers", u.Client, u.BytesUp, carriers)
		}
	}
	if whole := uint64(8 * users * carriers * len(r.updates)); s.Bytes.Up*20 > whole {
		t.Errorf("%d bytes up, where whole vectors take %d", s.Bytes.Up, whole)
	}
	if dense := uint64(8 * users * carriers * len(r.updates)); s.Bytes.Down >= dense {
		t.Errorf("%d bytes down, where whole vectors take %d", s.Bytes.Down, dense)
	}
}

func TestEvaluateAndWork(t *testing.T) {
	c := load(t, workedGame, "problem: {kind: waterfill, file: game.json}\nclients: {count: 2}\n")
	p, err := waterfill.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	var _ problem.Problem[float64] = p
	if p.Dim() != 4 || p.Clients() != 2 || p.Samples(1) != 1 {
		t.Errorf("%d powers, %d users", p.Dim(), p.Clients())
	}
	x, delta := make([]float64, 4), []float64{9, 9, 9, 9}
	p.Start(x)
	report, err := p.Operator().Work(context.Background(), problem.Round{Client: 1}, x, delta)
	move := 11. / 80
	if want := []float64{0, 0, move, -move}; err != nil || !near(delta, want) || math.Abs(report.Loss-move*math.Sqrt2) > 1e-12 {
		t.Errorf("user 1 changes by %v, want %v; %+v, %v", delta, want, report, err)
	}
	if _, err := p.Operator().Work(context.Background(), problem.Round{Client: 2}, x, delta); err == nil {
		t.Error("there is no user 2")
	}
	metrics := p.Evaluate(x, problem.Sequential)
	// insr of user 0 is (.35, .625); both weights of the certificate are 2, its rate is 1/2.
	rate := math.Log2(1+.5/.35) + math.Log2(1+.5/.625)
	for name, want := range map[string]float64{"sum_rate": 2 * rate, "residual": move * math.Sqrt2, "error_bound": move * math.Sqrt2 / 2 / .5} {
		if got, ok := metrics.Get(name); !ok || math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if !near(p.Optimum(), []float64{.72, .28, .28, .72}) {
		t.Errorf("equilibrium %v", p.Optimum())
	}
}

func near(got, want []float64) bool {
	return slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-12 })
}

// What would break the rule that a client's block is what its last update made it is refused.
func TestWhatDoesNotFitIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.yaml")
	text := "problem: {kind: waterfill, file: game.json}\nclients: {count: 2}\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string]string{
		"aggregate.weights=share":    "must be block where problem.kind is waterfill: each client owns its part of the vector",
		"outer.kind=nesterov":        "must be sgd where problem.kind is waterfill: an update is a user's answer, not a gradient to be smoothed",
		"outer.lr=1.5":               "must be at most 1 where problem.kind is waterfill: it is the relaxation",
		"compress.feedback=econtrol": "must be forget where problem.kind is waterfill: what was left out is in the next difference already",
		"problem.measured=0":         "must be a share above 0 and at most 1",
		"problem.noise=-1":           "must not be negative",
		"problem.kind=quadratic":     "", // the weights follow the kind
	} {
		_, err := config.Load(path, []string{set})
		if want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", set, err, want)
		}
	}
	if _, err := config.Load(path, []string{"problem.kind=learn", "aggregate.weights=block"}); err == nil ||
		!strings.Contains(err.Error(), "must be share, identical or unbiased where problem.kind is learn: all clients change all of the vector") {
		t.Errorf("%v", err)
	}
	c := load(t, workedGame, text, "clients.count=3")
	if _, err := waterfill.Open(c); err == nil || !strings.Contains(err.Error(), "must be 2, the users in") {
		t.Errorf("%v", err)
	}
	c = load(t, `{"gain": [[[0]]], "noise": [[1]], "budget": [1]}`, text)
	if _, err := waterfill.Open(c); err == nil || !strings.Contains(err.Error(), "gain[0][0][0]: 0: the direct gain must be above 0") {
		t.Errorf("%v", err)
	}
}
