package compress

import "fmt"

// Values is how a number is written on the wire.
type Values uint8

// The ways of writing a number.
const (
	FP32 Values = 1 // the problem's own precision: float32, or float64 where the problem works in it
	BF16 Values = 2 // the upper half of a float32
	Int8 Values = 3
	Int4 Values = 4
	Int2 Values = 5
)

var valueNames = [...]string{FP32: "fp32", BF16: "bf16", Int8: "int8", Int4: "int4", Int2: "int2"}

func (v Values) String() string {
	if v > 0 && int(v) < len(valueNames) {
		return valueNames[v]
	}
	return fmt.Sprintf("values %d", uint8(v))
}
