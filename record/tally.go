package record

import (
	"math"
	"strconv"

	"weir/problem"
)

// tally makes up a summary from rows alone, for a run that was killed before it wrote its own. What the rows do not
// tell, such as the target shares, stays empty, and the bias is not a number.
type tally struct {
	last      VersionRow
	versions  int
	metrics   map[string]*Series
	counts    UpdateCounts
	staleness []uint64 // how many admitted updates had each staleness
	clients   int      // 1 + the largest client seen
}

// longStaleness bounds the histogram of a rebuilt summary: its last bin counts everything from there on.
const longStaleness = 1000

func (t *tally) version(v VersionRow) {
	t.last = v
	t.versions++
	for _, m := range v.Metrics {
		if t.metrics == nil {
			t.metrics = map[string]*Series{}
		}
		if t.metrics[m.Name] == nil {
			t.metrics[m.Name] = &Series{Larger: problem.LargerIsBetter(m.Name)}
		}
		t.metrics[m.Name].Add(v.Version, m.Value)
	}
}

func (t *tally) update(u UpdateRow) {
	t.counts.Sent++
	t.clients = max(t.clients, u.Client+1)
	switch u.Verdict {
	case "admitted":
		t.counts.Admitted++
		t.addStaleness(u.Staleness)
	case "late":
		t.counts.Late++
	case "duplicate":
		t.counts.Duplicate++
	default:
		t.counts.Refused++
	}
	if u.Version > 0 {
		t.counts.Committed++
	}
}

func (t *tally) addStaleness(s int) {
	s = min(max(s, 0), longStaleness)
	for len(t.staleness) <= s {
		t.staleness = append(t.staleness, 0)
	}
	t.staleness[s]++
}

func (t *tally) summary(l *Loaded) Summary {
	s := Summary{
		Name: l.setting("name"), Kind: "sim", Clients: t.clients, Versions: t.last.Version,
		WallSeconds: t.last.Wall, VirtualSeconds: t.last.Time, StoppedBy: "killed", Metrics: map[string]Metric{},
		Updates: t.counts, Samples: t.last.Samples, Bytes: ByteCounts{Up: t.last.BytesUp, Down: t.last.BytesDown}, Bias: Bias{TotalVariation: math.NaN()},
	}
	s.Seed, _ = strconv.ParseUint(l.setting("seed"), 10, 64)
	if n, err := strconv.Atoi(l.setting("clients.count")); err == nil {
		s.Clients = n
	}
	for name, m := range t.metrics {
		s.Metrics[name] = m.Metric()
	}
	s.Staleness = describeStaleness(t.staleness)
	return s
}

func describeStaleness(histogram []uint64) StalenessSummary {
	s := StalenessSummary{Histogram: histogram, Max: max(len(histogram)-1, 0)}
	var n, sum uint64
	for v, count := range histogram {
		n += count
		sum += uint64(v) * count
	}
	if n == 0 {
		return s
	}
	s.Mean = float64(sum) / float64(n)
	s.P50, s.P95 = quantile(histogram, n, 0.5), quantile(histogram, n, 0.95)
	return s
}

// quantile is the smallest value that at least a fraction q of the n counted ones do not exceed.
func quantile(histogram []uint64, n uint64, q float64) int {
	var below uint64
	for v, count := range histogram {
		if below += count; float64(below) >= q*float64(n) {
			return v
		}
	}
	return len(histogram) - 1
}
