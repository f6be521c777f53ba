package dataset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Two speakers with 1,200 and 990 characters, of which the first has enough to be an owner.
func play() []byte {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "ANN:\n%s\n\n", strings.Repeat("ab", 19)+"a")
		if i < 11 {
			fmt.Fprintf(&b, "BOB:\n%s\n\n", strings.Repeat("c", 89))
		}
	}
	return []byte(b.String())
}

func TestReadText(t *testing.T) {
	dir := folder(t, map[string][]byte{"play.txt.gz": play()})
	set, err := Open("text:"+filepath.Join(dir, "play.txt.gz"), Options{Context: 3})
	if err != nil {
		t.Fatal(err)
	}
	// \n, :, A, B, N, O, a, b, c occur.
	if set.Symbols != 9 || set.Classes != 9 || set.Features != 3 {
		t.Errorf("read %+v", set)
	}
	// The last tenth of everybody's text is held out.
	if set.Train.Len() != 1200-120+990-99 || set.Test.Len() != 120+99 {
		t.Errorf("%d characters to train, %d to test", set.Train.Len(), set.Test.Len())
	}
	if want := []Owner{{"ANN", 0, 1080}}; !slices.Equal(set.Owners, want) {
		t.Errorf("owners %v, want %v", set.Owners, want)
	}
	const newline, a, b, c = 0, 6, 7, 8
	x := make([]float32, 3)
	for _, test := range []struct {
		samples Samples
		sample  int
		want    []float32
		label   int
	}{
		{set.Train, 0, []float32{newline, newline, newline}, a},
		{set.Train, 2, []float32{newline, a, b}, a},
		{set.Train, 39, []float32{a, b, a}, newline},
		{set.Train, 1080, []float32{newline, newline, newline}, c}, // Bob does not go on where Ann ends
		{set.Test, 0, []float32{b, a, newline}, a},                 // what comes before may be training text
	} {
		test.samples.Read(x, test.sample)
		if !slices.Equal(x, test.want) || test.samples.Label(test.sample) != test.label {
			t.Errorf("sample %d: %v then %d, want %v then %d", test.sample, x, test.samples.Label(test.sample), test.want, test.label)
		}
	}
}

func TestTextThatIsNoPlay(t *testing.T) {
	dir := folder(t, map[string][]byte{"prose.txt": []byte("Once upon a time.\n\nTHE END:\nno more")})
	set, err := Open("text:"+filepath.Join(dir, "prose.txt"), Options{Context: 3})
	if err != nil {
		t.Fatal(err)
	}
	if set.Owners != nil || set.Train.Len()+set.Test.Len() != 35 {
		t.Errorf("read %+v", set)
	}
}
