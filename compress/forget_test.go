package compress

import "testing"

// What comes back to a client whose differences are worked out anew is dropped: its next update is the next difference.
func TestForgetTakesNothingBack(t *testing.T) {
	for feedback, want := range map[string]float64{"none": 5, "forget": 2} {
		c := DefaultConfig()
		c.Feedback = feedback
		codec, err := NewCodec[float64](c, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		encoder, memory, sum := codec.NewEncoder(), codec.NewMemory(0), []float64{0}
		refused, _, err := encoder.Encode(nil, ID{Seq: 1}, memory, []float64{3})
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Return(memory, refused); err != nil {
			t.Fatal(err)
		}
		next, _, err := encoder.Encode(nil, ID{Seq: 2}, memory, []float64{2})
		if err != nil {
			t.Fatal(err)
		}
		frame, _, err := codec.Parse(next)
		if err != nil {
			t.Fatal(err)
		}
		if codec.Add(sum, 1, frame); sum[0] != want {
			t.Errorf("%s: the update after a refused one holds %v, want %v", feedback, sum[0], want)
		}
	}
}
