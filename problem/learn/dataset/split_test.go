package dataset

import "testing"

// A sixth of the training samples is held out, every sample is on one side only, and the seed alone says on which.
func TestHoldOut(t *testing.T) {
	s := synthetic(1)
	x := make([]float32, s.Features)
	key := func(from Samples, i int) [2]float32 {
		from.Read(x, i)
		return [2]float32{x[0], x[1]}
	}
	split := s.HoldOut(7, 0)
	if split.Test.Len() != s.Train.Len()/heldOut || split.Train.Len()+split.Test.Len() != s.Train.Len() {
		t.Fatalf("%d and %d samples of %d", split.Train.Len(), split.Test.Len(), s.Train.Len())
	}
	labels := map[[2]float32]int{}
	for i := range s.Train.Len() {
		labels[key(s.Train, i)] = s.Train.Label(i)
	}
	seen := map[[2]float32]bool{}
	for _, part := range []Samples{split.Train, split.Test} {
		for i := range part.Len() {
			k := key(part, i)
			if label, is := labels[k]; !is || seen[k] || label != part.Label(i) {
				t.Fatalf("sample %d is none of the training samples, or there twice, or has another label", i)
			}
			seen[k] = true
		}
	}
	same, other := s.HoldOut(7, 0), s.HoldOut(8, 0)
	if key(same.Test, 0) != key(split.Test, 0) || key(same.Train, 9) != key(split.Train, 9) {
		t.Error("the same seed holds out other samples")
	}
	if key(other.Test, 0) == key(split.Test, 0) && key(other.Test, 1) == key(split.Test, 1) {
		t.Error("another seed holds out the same samples")
	}
}
