package chart

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct {
		show func(float64) string
		in   float64
		want string
	}{
		{Number, 0, "0"},
		{Number, 0.82634, "0.826"},
		{Number, 0.83, "0.83"},
		{Number, 0.0298, "0.0298"},
		{Number, 1.2e-5, "1.2e-5"},
		{Number, -41.32, "-41.3"},
		{Number, 99.96, "100"},
		{Number, 9.996, "10"},
		{Number, 1204.4, "1,204"},
		{Number, 123456789, "1.23e8"},
		{Number, math.NaN(), "not a number"},
		{Number, -inf, "-∞"},
		{Figure, 0.83, "0.830"},
		{Figure, 1, "1.00"},
		{Time, 0, "0 s"},
		{Time, 4.2e-5, "42 µs"},
		{Time, 0.227, "227 ms"},
		{Time, 512, "512 s"},
		{Time, 852, "14.2 min"},
		{Time, 12240, "3.4 h"},
		{Time, 864000, "10 days"},
		{Time, inf, "+∞ s"},
		{Size, 17, "17 B"},
		{Size, 812e6, "812 MB"},
		{Size, 1.02e9, "1.02 GB"},
		{Percent, 0.41, "41%"},
		{Percent, 0.096, "9.6%"},
		{Percent, 0.0004, "0.04%"},
		{Percent, 0.00152, "0.15%"},
		{Percent, 0.0000012, "0.00012%"},
		{Percent, 0, "0%"},
		{Percent, 1, "100%"},
	}
	for _, test := range tests {
		if got := strings.ReplaceAll(test.show(test.in), space, " "); got != test.want {
			t.Errorf("%v: %q, want %q", test.in, got, test.want)
		}
	}
	if got := Count(12345678); got != "12,345,678" {
		t.Errorf("Count: %q", got)
	}
}

func TestTicksAreRoundNumbersInTheRightUnit(t *testing.T) {
	tests := []struct {
		name   string
		axis   Axis
		lo, hi float64
		want   string
		title  string
	}{
		{"accuracy", Axis{}, 0.1, 0.83, "0 0.2 0.4 0.6 0.8 1.0", ""},
		{"narrow", Axis{}, 0.812, 0.829, "0.810 0.815 0.820 0.825 0.830", ""},
		{"seconds", Axis{Label: "time", Unit: Seconds, Zero: true}, 3, 260, "0 50 100 150 200 250 300", "time (s)"},
		{"hours", Axis{Label: "time", Unit: Seconds, Zero: true}, 0, 4 * 3600, "0 1 2 3 4", "time (h)"},
		{"bytes", Axis{Label: "up", Unit: Bytes, Zero: true}, 0, 1.02e9, "0 200 400 600 800 1,000 1,200", "up (MB)"},
		{"shares", Axis{Label: "share", Unit: Share, Zero: true}, 0, 0.0055, "0% 0.1% 0.2% 0.3% 0.4% 0.5% 0.6%", "share"},
		{"large", Axis{}, 0, 4e6, "0 1M 2M 3M 4M", ""},
		{"decades", Axis{}, 2e-6, 0.5, "1e-6 1e-5 1e-4 0.001 0.01 0.1 1", ""},
		{"one value", Axis{}, 5, 5, "4.4 4.6 4.8 5.0 5.2 5.4 5.6", ""},
		{"only zero", Axis{Zero: true}, 0, 0, "0 0.2 0.4 0.6 0.8 1.0", ""},
		{"negative", Axis{}, -3, 2, "-3 -2 -1 0 1 2", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScale(test.axis, test.lo, test.hi, 4, true)
			var got []string
			for _, v := range s.ticks {
				got = append(got, s.tick(v))
				if at := s.at(v); at < -1e-9 || at > 1+1e-9 {
					t.Errorf("tick %v is at %v", v, at)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("ticks (-want +got):\n%s", diff)
			}
			if got := test.axis.title(s); got != test.title {
				t.Errorf("title %q, want %q", got, test.title)
			}
		})
	}
}

func TestCurvesLeaveOutWhatIsNotANumber(t *testing.T) {
	nan := math.NaN()
	lines := Lines{Series: []Series{{Name: "a", X: []float64{0, 1, 2, 3, 4}, Y: []float64{0, 1, nan, math.Inf(1), 0}}}}
	svg := string(lines.SVG())
	if !strings.Contains(svg, `d="M0 1000h0L250 0M1000 1000h0"`) {
		t.Errorf("the curve is not interrupted where it should be: %s", svg)
	}
}

// A chart with nothing to show is nothing, so that a page can leave it out.
func TestNothingIsDrawnOfNothing(t *testing.T) {
	nan := math.NaN()
	for name, svg := range map[string]string{
		"lines":      string(Lines{}.SVG()),
		"NaN lines":  string(Lines{Series: []Series{{X: []float64{1}, Y: []float64{nan}}}}.SVG()),
		"bars":       string(Bars{Names: []string{"a"}, Groups: []string{"g"}, Values: [][]float64{{0}}}.SVG()),
		"histogram":  string(Histogram{Counts: []uint64{0, 0}}.SVG()),
		"stack":      string(Stack{Parts: []Part{{Value: nan}}}.SVG()),
		"scatter":    string(Scatter{Xs: []float64{0}, Ys: []float64{nan}}.SVG()),
		"timeline":   string(Timeline{End: nan, Lanes: []Lane{{}}}.SVG()),
		"no lanes":   string(Timeline{End: 1}.SVG()),
		"no members": string(Scatter{}.SVG()),
	} {
		if svg != "" {
			t.Errorf("%s: %s", name, svg)
		}
	}
}

func TestHistogramPutsManyValuesTogether(t *testing.T) {
	counts := make([]uint64, 1000)
	for i := range counts {
		counts[i] = 1
	}
	svg := string(Histogram{Counts: counts, X: "staleness", Open: true}.SVG())
	if n := strings.Count(svg, "<rect"); n != maxBins {
		t.Errorf("%d bars, want %d", n, maxBins)
	}
	for _, want := range []string{"staleness 0 to 24: 25 updates, 2.5%", "staleness 975 and more: 25 updates"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no bar says %q", want)
		}
	}
}
