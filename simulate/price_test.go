package simulate

import (
	"fmt"
	"math"
	"testing"
)

// The price of asynchrony, where the slowest clients want what is farthest away: with identical weights a run settles
// where the participation shares say, not at the optimum; unbiased FedFix settles at the optimum, the nearer the
// smaller the local rate (arXiv 2206.10189, sections 3 and 4).
func TestPriceOfAsynchrony(t *testing.T) {
	const optimum = 45 // the mean of 0, 10, ..., 90
	predicted := map[string]float64{}
	for _, kind := range []string{"fedasync", "fedbuff"} {
		s := simulated(t, "slow-optima.yaml", "aggregate.kind="+kind, "aggregate.weights=identical").Summary
		for i, share := range s.Bias.Share {
			predicted[kind] += share * 10 * float64(i)
		}
		got, distance := s.Theta[0], optimum-predicted[kind]
		t.Logf("%s settles at %.3f; its participation predicts %.3f, the optimum is %d, bias %.3f", kind, got, predicted[kind], optimum, s.Bias.TotalVariation)
		if math.Abs(got-predicted[kind]) > .03*distance || distance < 10 {
			t.Errorf("%s settles at %.3f, predicted %.3f", kind, got, predicted[kind])
		}
	}
	var distances []float64
	for _, lr := range []float64{.02, .002} {
		sets := []string{fmt.Sprintf("local.lr=%v", lr), fmt.Sprintf("stop.versions=%d", int(200/lr))}
		s := simulated(t, "slow-optima.yaml", sets...).Summary
		t.Logf("fedfix at rate %v settles at %.3f, bias %.4f", lr, s.Theta[0], s.Bias.TotalVariation)
		distances = append(distances, *s.XStarDistance)
	}
	if price := optimum - predicted["fedasync"]; distances[1] > .05*price || distances[1] > distances[0] {
		t.Errorf("fedfix settles %.3f and %.3f from the optimum; the price it avoids is %.3f", distances[0], distances[1], price)
	}
}

// With one client 40 times slower than the rest its unbiased weight would be 40 times its share; the cap keeps the
// default policy from diverging, at every local rate that is stable by itself.
func TestDefaultSurvivesAVerySlowClient(t *testing.T) {
	for _, lr := range []string{"0.1", "0.5", "1"} {
		sets := []string{"clients.durations=[1,1,1,1,1,1,1,1,1,40]", "local.lr=" + lr, "stop.versions=2000"}
		s := simulated(t, "slow-optima.yaml", sets...).Summary
		t.Logf("rate %s: %.2f from the optimum, bias %.3f", lr, *s.XStarDistance, s.Bias.TotalVariation)
		if *s.XStarDistance > 46 { // at rate 1 every update is a jump to what its client wants, 45 away
			t.Errorf("rate %s: %.2f from the optimum, it began at 45", lr, *s.XStarDistance)
		}
	}
}
