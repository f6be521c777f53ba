package record

import (
	"io"
	"math"

	"weir/atomicfile"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON has no NaN and no infinity, and a diverged run has both: they are written as null, and null reads back as NaN.
var (
	writeFloats = json.WithMarshalers(json.MarshalToFunc(func(out *jsontext.Encoder, v float64) error {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return out.WriteToken(jsontext.Null)
		}
		return json.SkipFunc // the default does it
	}))
	readFloats = json.WithUnmarshalers(json.UnmarshalFromFunc(func(in *jsontext.Decoder, v *float64) error {
		if in.PeekKind() != 'n' {
			return json.SkipFunc
		}
		*v = math.NaN()
		return in.SkipValue()
	}))
)

// MarshalJSON writes what is not a number as null.
func (s Summary) MarshalJSON() ([]byte, error) {
	type plain Summary // without this method
	return json.Marshal(plain(s), writeFloats, json.Deterministic(true))
}

// UnmarshalJSON reads what MarshalJSON writes. Fields that it does not know are those of a later version: ignored.
func (s *Summary) UnmarshalJSON(b []byte) error {
	type plain Summary
	return json.Unmarshal(b, (*plain)(s), readFloats)
}

func writeSummary(path string, s Summary) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	text := jsontext.Value(b)
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}
