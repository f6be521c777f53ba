package coordinator

import (
	"net/http"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weir/staleness"
	"weir/vec"
)

// The metrics, in the order of docs/metrics.md, which says what each means.
var (
	metricInfo       = describe("run_info", "Which run this is, and which node.", "run", "node")
	metricTime       = describe("run_time_seconds", "How long the run has been going on.")
	metricDone       = describe("run_done_ratio", "How much of the run is over, by the nearest of its bounds.")
	metricOver       = describe("run_over", "Whether the run has stopped.")
	metricVersion    = describe("versions_total", "Versions that were committed.")
	metricUpdates    = describe("updates_total", "Updates in the log by what the ledger decided, as this process applied them.", "verdict", "reason")
	metricCommitted  = describe("updates_committed_total", "Updates that are in the model.")
	metricWindow     = describe("window_updates", "Updates in the open window.")
	metricStaleness  = describe("update_staleness_versions", "How stale the admitted updates were.")
	metricUp         = describe("received_bytes_total", "Bytes of updates that clients sent.")
	metricDown       = describe("sent_bytes_total", "Bytes that brought versions to clients.")
	metricLoss       = describe("train_loss", "Mean loss at which the newest version's updates were trained.")
	metricEvaluation = describe("evaluation", "The newest evaluation.", "metric")
	metricClients    = describe("clients", "Clients by what they do.", "state")
	metricRefusals   = describe("refusals_total", "Messages that this process turned away while it led or served.", "reason")
	metricJumps      = describe("clock_jumps_total", "How often the machine's clock was set.")
	metricRole       = describe("raft_role", "1 for the node's role, 0 for the others.", "role")
	metricTerm       = describe("raft_term", "Raft's term.")
	metricContact    = describe("raft_last_contact_seconds", "Time since the leader was heard; 0 on the leader.")
	metricApplied    = describe("raft_applied_index", "The newest entry of the log that was applied here.")
	metricCommit     = describe("raft_commit_index", "The newest entry of the log that this node knows to be committed.")
	metricLog        = describe("log_since_snapshot_bytes", "How much the log grew since the last snapshot.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("weir_"+name, help, labels, nil)
}

// metricsHandler shows the node to Prometheus.
func (n *node[T]) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		exporter[T]{n},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// exporter reads the node when it is asked, so that nothing is counted twice.
type exporter[T vec.Float] struct{ n *node[T] }

// Describe names every metric.
func (exporter[T]) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		metricInfo, metricTime, metricDone, metricOver, metricVersion, metricUpdates, metricCommitted, metricWindow, metricStaleness,
		metricUp, metricDown, metricLoss, metricEvaluation, metricClients, metricRefusals, metricJumps, metricRole, metricTerm, metricContact,
		metricApplied, metricCommit, metricLog,
	} {
		to <- d
	}
}

// Collect reads them all.
func (x exporter[T]) Collect(to chan<- prometheus.Metric) {
	out := emitter(to)
	x.run(out)
	x.clients(out)
	x.node(out)
	for reason, count := range x.n.counts.refusals() {
		out.counter(metricRefusals, float64(count), reason)
	}
	out.counter(metricJumps, float64(x.n.counts.jumps.Load()))
	for by, count := range x.n.counts.decisions() {
		out.counter(metricUpdates, float64(count), by.verdict, by.reason)
	}
}

func (x exporter[T]) run(out emitter) {
	s := x.n.runStatus()
	out.gauge(metricInfo, 1, s.Run, s.Node)
	out.gauge(metricTime, s.Time)
	out.gauge(metricDone, s.Done)
	out.gauge(metricOver, one(s.Stopped != ""))
	out.counter(metricVersion, float64(s.Version))
	out.counter(metricCommitted, float64(s.Updates.Committed))
	out.gauge(metricWindow, float64(s.Window))
	out.counter(metricUp, float64(s.BytesUp))
	out.counter(metricDown, float64(s.BytesDown))
	if s.TrainLoss.Finite() {
		out.gauge(metricLoss, float64(s.TrainLoss))
	}
	for name, value := range s.Metrics {
		out.gauge(metricEvaluation, float64(value), name)
	}
	x.n.mu.Lock()
	age := *x.n.state.machine.Ledger.Staleness()
	x.n.mu.Unlock()
	out <- stalenessMetric(&age)
}

// stalenessBounds are the upper bounds of the histogram's buckets, in versions; below the ledger's own last bin.
var stalenessBounds = []int{0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233}

func stalenessMetric(age *staleness.Histogram) prometheus.Metric {
	buckets := map[float64]uint64{}
	var below uint64
	next := 0
	for _, bound := range stalenessBounds {
		for ; next <= bound; next++ {
			below += age.Counts[next]
		}
		buckets[float64(bound)] = below
	}
	return prometheus.MustNewConstHistogram(metricStaleness, age.Total(), float64(age.Sum), buckets)
}

func (x exporter[T]) clients(out emitter) {
	states := map[string]int{stateAbsent: 0, stateIdle: 0, stateWorking: 0, stateWaiting: 0}
	for _, c := range x.n.clientStatus() {
		states[c.State]++
	}
	for state, count := range states {
		out.gauge(metricClients, float64(count), state)
	}
}

func (x exporter[T]) node(out emitter) {
	s := x.n.nodeStatus()
	for _, r := range []raft.RaftState{raft.Leader, raft.Follower, raft.Candidate} {
		out.gauge(metricRole, one(role(r) == s.Role), role(r))
	}
	out.gauge(metricTerm, float64(s.Term))
	if s.LastContact >= 0 {
		out.gauge(metricContact, float64(s.LastContact)/1e3)
	}
	out.gauge(metricApplied, float64(s.Applied))
	out.gauge(metricCommit, float64(x.n.raft.CommitIndex()))
	out.gauge(metricLog, float64(s.LogBytes))
}

// emitter sends values that were read elsewhere.
type emitter chan<- prometheus.Metric

func (out emitter) gauge(d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (out emitter) counter(d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
