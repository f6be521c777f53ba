package network

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Logistic is softmax regression, which starts at zero. With two classes it is logistic regression with one weight a
// feature and no bias, as the convex benchmarks have it (123 parameters for a9a).
func Logistic(inputs, classes int) *Network {
	d := dense{in: inputs, out: scores(classes), bias: classes > 2}
	return build(fmt.Sprintf("logistic regression %d-%d", inputs, classes), inputs, atZero{d})
}

// atZero is a layer that starts at zero, as convex models do.
type atZero struct{ dense }

func (atZero) start(w []float32, _ *rand.Rand) { clear(w) }

// scores is how many scores decide between that many classes.
func scores(classes int) int {
	if classes == 2 {
		return 1
	}
	return classes
}

// MLP is a multilayer perceptron with the given widths of its hidden layers.
func MLP(inputs int, hidden []int, classes int, a Activation) *Network {
	return build("MLP "+widths(inputs, hidden, classes), inputs, perceptron(inputs, hidden, classes, a)...)
}

func perceptron(inputs int, hidden []int, classes int, a Activation) []layer {
	var layers []layer
	for _, width := range hidden {
		layers = append(layers, dense{inputs, width, a, true})
		inputs = width
	}
	return append(layers, dense{inputs, scores(classes), Linear, true})
}

func widths(inputs int, hidden []int, classes int) string {
	all := []string{strconv.Itoa(inputs)}
	for _, width := range hidden {
		all = append(all, strconv.Itoa(width))
	}
	return strings.Join(append(all, strconv.Itoa(classes)), "-")
}

// Char scores the next of a text's symbols from the context of symbols before it: each becomes a vector of embedding
// numbers, and a perceptron does the rest (Bengio et al. 2003).
func Char(context, symbols, embedding int, hidden []int, a Activation) *Network {
	layers := []layer{embed{context, symbols, embedding}}
	layers = append(layers, perceptron(context*embedding, hidden, symbols, a)...)
	return build(fmt.Sprintf("character model %d x %s", context, widths(embedding, hidden, symbols)), context, layers...)
}

// The small convolutional network: twice a 5x5 convolution and 2x2 max pooling, then one dense layer, after LeNet
// (LeCun et al. 1998).
const (
	cnnKernel = 5
	cnnFirst  = 16 // channels
	cnnSecond = 32
	// MinSide is the least height and width of the images that CNN takes.
	MinSide = 2*(2+cnnKernel-1) + cnnKernel - 1
)

// CNN is a small convolutional network for grey images of at least MinSide x MinSide.
func CNN(height, width, classes int, a Activation) *Network {
	first := newConvolution(height, width, 1, cnnFirst, a)
	second := newConvolution(first.height/2, first.width/2, cnnFirst, cnnSecond, a)
	last := pool{second.height, second.width, cnnSecond}
	return build(fmt.Sprintf("CNN %dx%d-%d-%d-%d", height, width, cnnFirst, cnnSecond, classes), height*width,
		first, pool{first.height, first.width, cnnFirst}, second, last, dense{last.outputs(), scores(classes), Linear, true})
}
