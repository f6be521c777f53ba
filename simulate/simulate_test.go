package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/aggregate"
	"weir/config"
	"weir/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t *testing.T, name string, sets ...string) config.Config {
	t.Helper()
	cfg, err := config.Load("testdata/"+name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// rows keeps a record in memory.
type rows struct {
	versions []record.VersionRow
	updates  []record.UpdateRow
	after    func(versions int) // called after every version
}

func (r *rows) Version(v record.VersionRow) error {
	v.Wall = 0
	r.versions = append(r.versions, v)
	if r.after != nil {
		r.after(len(r.versions))
	}
	return nil
}

func (r *rows) Update(u record.UpdateRow) error {
	r.updates = append(r.updates, u)
	return nil
}

func (r *rows) Rewind(versions, updates int) error {
	if versions > len(r.versions) || updates > len(r.updates) {
		return fmt.Errorf("rewind to %d of %d versions, %d of %d updates", versions, len(r.versions), updates, len(r.updates))
	}
	r.versions, r.updates = r.versions[:versions], r.updates[:updates]
	return nil
}

var policies = [][]string{
	{"aggregate.kind=fedavg", "aggregate.weights=share", "aggregate.deadline=2s"},
	{"aggregate.kind=fedasync"},
	{"aggregate.kind=fedbuff", "aggregate.size=4", "aggregate.weights=identical"},
	{"aggregate.kind=fedfix", "clients.concurrency=20"},
	{"aggregate={kind: co2, deadline: 2s, weights: share}", "clients.concurrency=20", "clients.dropout=0", "outer={kind: co2}"},
	{"aggregate.kind=fedbuff", "aggregate.size=4", "local.pipeline=1", "clients.concurrency=20", "clients.dropout=0"},
	{"aggregate={kind: co2, weights: share}", "local.start=predicted", "clients.concurrency=20", "clients.dropout=0", "outer={kind: co2, lr: 0.5, momentum: 0.5}"},
}

// informed runs choose their clients by what is known of them.
var informed = [][]string{
	{"selection={kind: heteroselect, adapt_density: true}", "aggregate.weights=score", "compress={kind: topk, density: 0.3}"},
	{"selection.kind=oort", "aggregate.kind=fedbuff", "aggregate.size=4"},
}

// Promise 1: the same config and seed give the same model, whatever GOMAXPROCS is.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	for _, policy := range slices.Concat(policies, informed) {
		t.Run(policy[0], func(t *testing.T) {
			var digests []string
			for _, cores := range []int{1, 2, 3} {
				before := runtime.GOMAXPROCS(cores)
				result := simulated(t, "small.yaml", policy...)
				runtime.GOMAXPROCS(before)
				digests = append(digests, result.Summary.ModelDigest)
			}
			if len(slices.Compact(digests)) != 1 {
				t.Errorf("1, 2 and 3 cores give %v", digests)
			}
			if other := simulated(t, "small.yaml", append(policy, "seed=2")...); other.Summary.ModelDigest == digests[0] {
				t.Error("another seed gives the same model")
			}
		})
	}
}

// A run that was interrupted and resumed, again and again, ends with the same record as one that was not.
func TestResumedRunIsTheSameRun(t *testing.T) {
	for _, policy := range slices.Concat(policies, informed) {
		t.Run(policy[0], func(t *testing.T) {
			cfg := load(t, "small.yaml", policy...)
			whole := &rows{}
			want, err := Run(context.Background(), cfg, Options{Rows: whole})
			if err != nil {
				t.Fatal(err)
			}
			broken := &rows{}
			opt := Options{Rows: broken, Checkpoint: filepath.Join(t.TempDir(), "checkpoint.bin")}
			var got Result
			for parts := 1; ; parts++ {
				ctx, cancel := context.WithCancel(context.Background())
				begin := len(broken.versions)
				broken.after = func(n int) {
					if n >= begin+7 {
						cancel()
					}
				}
				got, err = Run(ctx, cfg, opt)
				cancel()
				if err == nil {
					if parts < 4 {
						t.Fatalf("the run was interrupted only %d times", parts-1)
					}
					break
				}
				if !errors.Is(err, context.Canceled) || got.Summary.StoppedBy != "interrupt" {
					t.Fatal(got.Summary.StoppedBy, err)
				}
				opt.Resume = true
			}
			got.Summary.WallSeconds = want.Summary.WallSeconds
			if diff := cmp.Diff(want.Summary, got.Summary); diff != "" {
				t.Errorf("-whole +resumed:\n%s", diff)
			}
			same := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
			if diff := cmp.Diff(whole.versions, broken.versions, same); diff != "" {
				t.Errorf("versions: -whole +resumed:\n%s", diff)
			}
			if diff := cmp.Diff(whole.updates, broken.updates, same); diff != "" {
				t.Errorf("updates: -whole +resumed:\n%s", diff)
			}
		})
	}
}

func TestResumeWithoutACheckpoint(t *testing.T) {
	opt := Options{Checkpoint: filepath.Join(t.TempDir(), "checkpoint.bin"), Resume: true}
	if _, err := Run(context.Background(), load(t, "small.yaml"), opt); !errors.Is(err, ErrNothingToResume) {
		t.Errorf("resuming nothing: %v", err)
	}
}

// The summary and the rows tell the same story.
func TestRecordAddsUp(t *testing.T) {
	for _, policy := range slices.Concat(policies, informed) {
		t.Run(policy[0], func(t *testing.T) {
			r := &rows{}
			result, err := Run(context.Background(), load(t, "small.yaml", policy...), Options{Rows: r})
			if err != nil {
				t.Fatal(err)
			}
			s := result.Summary
			counts := record.UpdateCounts{}
			perVersion := make([]float64, s.Versions+1)
			samples, committed := uint64(0), make([]uint64, s.Clients)
			for _, u := range r.updates {
				counts.Sent++
				switch u.Verdict {
				case "admitted":
					counts.Admitted++
				case "late":
					counts.Late++
				default:
					counts.Refused++
				}
				if u.Version > 0 {
					counts.Committed++
					samples += uint64(u.Samples)
					committed[u.Client]++
				}
				perVersion[u.Version] += u.Weight
				if !(u.Assigned <= u.Started && u.Started < u.Finished && u.Finished < u.Arrived) {
					t.Fatalf("times of %+v", u)
				}
			}
			// What is in the open window when the run ends was admitted but has no row.
			counts.Sent += s.Updates.Admitted - counts.Admitted
			counts.Admitted = s.Updates.Admitted
			if counts != s.Updates {
				t.Errorf("rows say %+v, the summary %+v", counts, s.Updates)
			}
			if last := r.versions[len(r.versions)-1].Samples; samples != s.Samples || last != s.Samples {
				t.Errorf("%d samples in the summary, %d in the rows of updates, %d in the last version's", s.Samples, samples, last)
			}
			if g := aggregate.Gini(committed); g != s.Bias.Gini {
				t.Errorf("Gini coefficient %v, the rows say %v", s.Bias.Gini, g)
			}
			for _, v := range r.versions {
				if math.Abs(v.Weight-perVersion[v.Version]) > 1e-12 {
					t.Errorf("version %d weighs %v, its updates %v", v.Version, v.Weight, perVersion[v.Version])
				}
			}
			if tv := aggregate.TotalVariation(s.Bias.Share, s.Bias.Target); tv != s.Bias.TotalVariation {
				t.Errorf("bias %v, the shares say %v", s.Bias.TotalVariation, tv)
			}
			if sum := s.Time.Compute + s.Time.BlockedOnNetwork + s.Time.Idle; math.Abs(sum-1) > 1e-9 {
				t.Errorf("time shares sum to %v", sum)
			}
			if last := r.versions[len(r.versions)-1]; last.Version != s.Versions || last.Metrics == nil {
				t.Errorf("the last version was not evaluated: %+v", last)
			}
		})
	}
}

// The times of a link: latency and bandwidth both ways, by the bytes that were really encoded.
func TestLinkTimes(t *testing.T) {
	r := &rows{}
	sets := []string{
		"clients.count=1", "clients.concurrency=1", "clients.speed.kind=fixed", "clients.dropout=0",
		"aggregate.kind=fedasync", "stop.versions=1",
	}
	if _, err := Run(context.Background(), load(t, "small.yaml", sets...), Options{Rows: r}); err != nil {
		t.Fatal(err)
	}
	u := r.updates[0]
	down, up := .04+float64(u.BytesDown)*8/5e6, .04+float64(u.BytesUp)*8/1e6
	for name, c := range map[string]struct{ got, want float64 }{
		"down": {u.Started - u.Assigned, down}, "compute": {u.Finished - u.Started, 1}, "up": {u.Arrived - u.Finished, up},
	} {
		if math.Abs(c.got-c.want) > 1e-6 {
			t.Errorf("%s takes %v s, want %v", name, c.got, c.want)
		}
	}
}

// Clients that drop out are missed for a while, and come back.
func TestDropoutAndReturn(t *testing.T) {
	r := &rows{}
	result, err := Run(context.Background(), load(t, "small.yaml", "clients.dropout=0.5", "stop.versions=100"), Options{Rows: r})
	if err != nil {
		t.Fatal(err)
	}
	rounds := map[int]uint64{}
	delivered := map[int]uint64{}
	for _, u := range r.updates {
		rounds[u.Client] = max(rounds[u.Client], u.Seq)
		delivered[u.Client]++
	}
	var begun, arrived uint64
	for c, n := range rounds {
		begun += n
		arrived += delivered[c]
	}
	if share := float64(arrived) / float64(begun); share < .4 || share > .65 {
		t.Errorf("%d of %d rounds were delivered with dropout .5", arrived, begun)
	}
	if result.Summary.StoppedBy != "versions" {
		t.Errorf("stopped by %s", result.Summary.StoppedBy)
	}
}

// With one client 40 times slower than the rest the default policy does not diverge.
func TestOneVerySlowClient(t *testing.T) {
	sets := []string{
		"clients.speed={kind: two-class, median: 1s, slow: 0.05, factor: 40}", "clients.concurrency=20", "clients.dropout=0",
		"aggregate.window=median", "outer={kind: sgd, lr: 1}", "staleness.max=0", "staleness.kind=constant", "stop.versions=200",
	}
	loss := simulated(t, "small.yaml", sets...).Summary.Metrics["loss"]
	if !(loss.Last10Mean < 1.2*loss.Best) {
		t.Errorf("loss %v at the end, %v at best", loss.Last10Mean, loss.Best)
	}
}

func TestDivergence(t *testing.T) {
	r := &rows{}
	result, err := Run(context.Background(), load(t, "small.yaml", "local.lr=1e30"), Options{Rows: r})
	var diverged *DivergedError
	if !errors.As(err, &diverged) {
		t.Fatalf("err = %v", err)
	}
	if s := result.Summary; s.StoppedBy != "diverged" || s.Error == "" || len(r.versions) == 0 {
		t.Errorf("stopped by %q, error %q, %d versions recorded", s.StoppedBy, s.Error, len(r.versions))
	}
}

// How much decoder memory is spilled to disk changes nothing but where it lies.
func TestSpillingChangesNothing(t *testing.T) {
	const rule = "compress={kind: topk, density: 0.05, values: int8, feedback: econtrol, eta: 0.1, memory: per-client, budget: %s}"
	little := simulated(t, "small.yaml", fmt.Sprintf(rule, "0B")).Summary.ModelDigest
	if plenty := simulated(t, "small.yaml", fmt.Sprintf(rule, "1GB")).Summary.ModelDigest; little != plenty {
		t.Errorf("digest %s with all on disk, %s with all in memory", little, plenty)
	}
}

// Versions that travel compressed: the clients hold the published model, which still comes to the optimum, since what a
// version leaves out is in the next one. Fewer bytes go down, and a client that was away downloads what it lacks.
func TestCompressedDownlinkComesToTheOptimum(t *testing.T) {
	sets := []string{"clients.dropout=0", "clients.concurrency=20", "local.lr=0.2", "stop.versions=600"}
	dense := simulated(t, "lossy.yaml", sets...).Summary
	small := simulated(t, "lossy.yaml", append(sets, "compress.down={kind: topk, k: 2, values: fp32}")...).Summary
	if *dense.XStarDistance > 1 || *small.XStarDistance > *dense.XStarDistance+1e-6 {
		t.Errorf("%v from the optimum, %v with dense versions", *small.XStarDistance, *dense.XStarDistance)
	}
	if small.Bytes.Down >= dense.Bytes.Down*7/10 || small.Bytes.Up != dense.Bytes.Up {
		t.Errorf("%d bytes down, %d with dense versions", small.Bytes.Down, dense.Bytes.Down)
	}
}

// With a time budget every round takes the same time, and a client that is ten times as fast does ten times the work
// (adaptive local work, ALGORITHMS.md section 7).
func TestFastClientsDoMoreInATimeBudget(t *testing.T) {
	r := &rows{}
	sets := []string{
		"local={budget: 2s, lr: 0.05, batch: 16}", "clients.speed={kind: two-class, median: 250ms, slow: 0.5, factor: 10}",
		"clients.dropout=0", "clients.concurrency=20", "aggregate.kind=fedavg", "problem.partition={kind: iid}",
	}
	if _, err := Run(context.Background(), load(t, "small.yaml", sets...), Options{Rows: r}); err != nil {
		t.Fatal(err)
	}
	samples := map[int]int{}
	for _, u := range r.updates {
		if took := u.Finished - u.Started; math.Abs(took-2) > 1e-9 {
			t.Fatalf("client %d worked for %v s, its budget is 2", u.Client, took)
		}
		if before, seen := samples[u.Client]; seen && before != u.Samples {
			t.Fatalf("client %d processed %d samples, then %d", u.Client, before, u.Samples)
		}
		samples[u.Client] = u.Samples
	}
	least, most := math.Inf(1), 0.0
	for _, n := range samples {
		least, most = min(least, float64(n)), max(most, float64(n))
	}
	if ratio := most / least; math.Abs(ratio-10) > .5 {
		t.Errorf("from %v to %v samples a round: want a factor of 10", least, most)
	}
}
