package dataset

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

const (
	testShare = 10   // the last tenth of everybody's text is held out
	minSpeech = 1000 // characters that make somebody an owner
)

// characters are samples of a text: the class is a symbol, the features are those before it.
type characters struct {
	text    []uint8 // symbol numbers
	at      []int32 // of each sample's symbol
	context int
}

func (c *characters) Len() int        { return len(c.at) }
func (c *characters) Label(i int) int { return int(c.text[c.at[i]]) }
func (c *characters) Read(x []float32, i int) {
	at := int(c.at[i])
	for j, symbol := range c.text[at-c.context : at] {
		x[j] = float32(symbol)
	}
}

// readText reads a text, whose symbols are its bytes.
func readText(path string, context int) (*Set, error) {
	var text []byte
	err := readFile(path, func(r io.Reader, _ int64) (err error) {
		text, err = io.ReadAll(io.LimitReader(r, math.MaxInt32+1))
		if err == nil && len(text) > math.MaxInt32/(1+context) {
			err = fmt.Errorf("is too long: must have at most %d characters", math.MaxInt32/(1+context))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return textSet(text, context), nil
}

// speaker is somebody and all that he says, in order.
type speaker struct {
	name string
	text []byte
}

// speakers finds who says what in a play: paragraphs, divided by empty lines, that begin with a line "NAME:". A text
// with a paragraph of another form is nobody's.
func speakers(text []byte) []*speaker {
	var all []*speaker
	byName := map[string]*speaker{}
	for paragraph := range bytes.SplitSeq(text, []byte("\n\n")) {
		paragraph = bytes.Trim(paragraph, "\n")
		if len(paragraph) == 0 {
			continue
		}
		first, rest, _ := bytes.Cut(paragraph, []byte("\n"))
		name, isSpeaker := bytes.CutSuffix(first, []byte(":"))
		if !isSpeaker {
			return nil
		}
		s := byName[string(name)]
		if s == nil {
			s = &speaker{name: string(name)}
			byName[s.name] = s
			all = append(all, s)
		}
		s.text = append(append(s.text, rest...), '\n')
	}
	return all
}

// alphabet numbers the symbols that occur, in increasing order.
func alphabet(text []byte) (number [256]uint8, symbols int) {
	occurs := [256]bool{'\n': true} // it fills the context before the first character
	for _, b := range text {
		occurs[b] = true
	}
	for b, yes := range occurs {
		if yes {
			number[b] = uint8(symbols)
			symbols++
		}
	}
	return number, symbols
}

// textSet makes every character a sample. Everybody's text stands on its own: it begins after a context of newlines.
func textSet(text []byte, context int) *Set {
	number, symbols := alphabet(text)
	all := speakers(text)
	natural := all != nil
	if !natural {
		all = []*speaker{{text: text}}
	}
	train, test := &characters{context: context}, &characters{context: context}
	set := &Set{Unit: "characters", Features: context, Symbols: symbols, Classes: symbols, Train: train, Test: test}
	var stream []uint8
	for _, s := range all {
		stream = append(stream, bytes.Repeat([]byte{number['\n']}, context)...)
		low := len(train.at)
		for i, b := range s.text {
			part := train
			if i >= len(s.text)-len(s.text)/testShare {
				part = test
			}
			part.at = append(part.at, int32(len(stream)))
			stream = append(stream, number[b])
		}
		if natural && len(s.text) >= minSpeech {
			set.Owners = append(set.Owners, Owner{s.name, low, len(train.at)})
		}
	}
	train.text, test.text = stream, stream
	return set
}
