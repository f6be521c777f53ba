package record

import (
	"math"
	"strconv"
	"strings"
)

// The columns of the two files, in order. Columns are added, never renamed; those of metrics follow the versions' own.
var (
	versionColumns = []string{
		"version", "time", "wall", "updates", "weight", "staleness_mean", "staleness_max", "window_loss", "bytes_up", "bytes_down",
		"contraction", "error_norm", "samples",
	}
	updateColumns = []string{
		"client", "seq", "base", "assigned", "started", "finished", "arrived", "verdict", "reason", "version", "staleness",
		"weight", "loss", "norm", "samples", "steps", "bytes_up", "bytes_down", "contraction", "error_norm", "eta",
		"score", "probability", "score_value", "score_diversity", "score_fairness", "score_staleness", "score_speed", "density",
	}
)

func appendVersion(b []byte, v VersionRow, metrics []string) []byte {
	b = strconv.AppendUint(b, v.Version, 10)
	b = appendFloat(append(b, ','), v.Time)
	b = appendFloat(append(b, ','), v.Wall)
	b = strconv.AppendInt(append(b, ','), int64(v.Updates), 10)
	b = appendFloat(append(b, ','), v.Weight)
	b = appendFloat(append(b, ','), v.StalenessMean)
	b = strconv.AppendInt(append(b, ','), int64(v.StalenessMax), 10)
	b = appendMeasured(append(b, ','), v.TrainLoss)
	b = strconv.AppendUint(append(b, ','), v.BytesUp, 10)
	b = strconv.AppendUint(append(b, ','), v.BytesDown, 10)
	b = appendMeasured(append(b, ','), v.Contraction)
	b = appendMeasured(append(b, ','), v.ErrorNorm)
	b = strconv.AppendUint(append(b, ','), v.Samples, 10)
	for _, name := range metrics {
		b = append(b, ',')
		if value, measured := v.Metrics.Get(name); measured {
			b = appendFloat(b, value)
		}
	}
	return append(b, '\n')
}

// appendMeasured writes v, or nothing where there was nothing to take it from.
func appendMeasured(b []byte, v float64) []byte {
	if math.IsNaN(v) {
		return b
	}
	return appendFloat(b, v)
}

func appendUpdate(b []byte, u UpdateRow) []byte {
	b = strconv.AppendInt(b, int64(u.Client), 10)
	b = strconv.AppendUint(append(b, ','), u.Seq, 10)
	b = strconv.AppendUint(append(b, ','), u.Base, 10)
	b = appendFloat(append(b, ','), u.Assigned)
	b = appendFloat(append(b, ','), u.Started)
	b = appendFloat(append(b, ','), u.Finished)
	b = appendFloat(append(b, ','), u.Arrived)
	b = appendText(append(b, ','), u.Verdict)
	b = appendText(append(b, ','), u.Reason)
	b = strconv.AppendUint(append(b, ','), u.Version, 10)
	b = strconv.AppendInt(append(b, ','), int64(u.Staleness), 10)
	b = appendFloat(append(b, ','), u.Weight)
	b = appendFloat(append(b, ','), u.Loss)
	b = appendFloat(append(b, ','), u.Norm)
	b = strconv.AppendInt(append(b, ','), int64(u.Samples), 10)
	b = strconv.AppendInt(append(b, ','), int64(u.Steps), 10)
	b = strconv.AppendInt(append(b, ','), int64(u.BytesUp), 10)
	b = strconv.AppendInt(append(b, ','), int64(u.BytesDown), 10)
	b = appendFloat(append(b, ','), u.Contraction)
	b = appendFloat(append(b, ','), u.ErrorNorm)
	b = appendFloat(append(b, ','), u.Eta)
	b = appendMeasured(append(b, ','), u.Score)
	b = appendMeasured(append(b, ','), u.Probability)
	for _, c := range u.Components {
		b = appendMeasured(append(b, ','), c)
	}
	b = appendFloat(append(b, ','), u.Density)
	return append(b, '\n')
}

// appendFloat writes the shortest text that reads back as v; NaN, +Inf and -Inf under these names. Whole numbers below
// 2^53, most weights and times of small runs, take the short way.
func appendFloat(b []byte, v float64) []byte {
	if i := int64(v); float64(i) == v && i > -1<<53 && i < 1<<53 && (i != 0 || !math.Signbit(v)) {
		return strconv.AppendInt(b, i, 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

var spaces = strings.NewReplacer("\n", " ", "\r", " ")

// appendText writes a CSV cell. Line breaks become spaces, so that a row is always one line.
func appendText(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(spaces.Replace(s), `"`, `""`)...)
	return append(b, '"')
}
