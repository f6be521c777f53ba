package aggregate

// fedavg closes a round when all its clients have answered or left, or at the straggler deadline (McMahan et al. 2017).
type fedavg struct{ deadline int64 }

func (fedavg) Rounds() bool                   { return true }
func (fedavg) Full(arrived, awaited int) bool { return awaited == 0 }
func (fedavg) Gain() float64                  { return 1 }
func (fedavg) Quota() int                     { return 0 }

func (f fedavg) Due(opened int64) int64 {
	if f.deadline == 0 {
		return Never
	}
	return opened + f.deadline
}

// Participation of m out of n drawn uniformly is m/n; exact when nobody misses a deadline or drops out.
func (f fedavg) Participation(each []float64, p Population) bool {
	fill(each, float64(p.Concurrency)/float64(len(each)))
	return f.deadline == 0 && !p.Dropouts
}
