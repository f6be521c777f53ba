package network

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"
)

// convolution slides a dense layer over an image: a patch of 5x5 pixels with all their channels is a row of its input,
// and a pixel of its output a row of its output. Images are height x width x channels, so that a line of a patch is
// contiguous. There is no padding: an image loses 4 pixels a side.
type convolution struct {
	dense                       // of one patch
	inHeight, inWidth, channels int
	height, width               int // of the output
}

func newConvolution(height, width, channels, outChannels int, a Activation) convolution {
	return convolution{
		dense:    dense{cnnKernel * cnnKernel * channels, outChannels, a, true},
		inHeight: height, inWidth: width, channels: channels,
		height: height - cnnKernel + 1, width: width - cnnKernel + 1,
	}
}

func (c convolution) outputs() int { return c.height * c.width * c.out }
func (c convolution) keeps() int   { return c.height * c.width * c.in }

// forward keeps the patches.
func (c convolution) forward(w []float32, b *batch) {
	image := c.inHeight * c.inWidth * c.channels
	for i := range b.n {
		patches := b.kept[i*c.keeps():][:c.keeps()]
		c.lines(b.in[i*image:][:image], func(line []float32) {
			copy(patches, line)
			patches = patches[len(line):]
		})
	}
	c.scores(w, b.n*c.height*c.width, b.kept, b.out)
}

// backward adds the derivatives by the patches up where patches overlap.
func (c convolution) backward(w []float32, b *batch, g gradient) {
	c.activation.derive(b.out, b.dOut[:b.n*c.outputs()])
	if b.dIn != nil {
		image := c.inHeight * c.inWidth * c.channels
		for i := range b.n {
			c.byInputs(w, c.height*c.width, b.dOut[i*c.outputs():], b.spare)
			dPatches, dIn := b.spare, b.dIn[i*image:][:image]
			clear(dIn)
			c.lines(dIn, func(line []float32) {
				blas32.Axpy(1, vector(dPatches[:len(line)]), vector(line))
				dPatches = dPatches[len(line):]
			})
		}
	}
	c.byParameters(b.n*c.height*c.width, b.kept, b.dOut, g)
}

// lines calls do with every line of every patch of an image.
func (c convolution) lines(image []float32, do func(line []float32)) {
	for y := range c.height {
		for x := range c.width {
			for ky := range cnnKernel {
				at := ((y+ky)*c.inWidth + x) * c.channels
				do(image[at : at+cnnKernel*c.channels])
			}
		}
	}
}

// pool takes the largest of every 2x2 pixels, channel by channel. An odd last line or column is left out.
type pool struct{ height, width, channels int } // of the input

func (p pool) params() int                 { return 0 }
func (p pool) outputs() int                { return (p.height / 2) * (p.width / 2) * p.channels }
func (p pool) keeps() int                  { return 0 }
func (p pool) start([]float32, *rand.Rand) {}

func (p pool) forward(_ []float32, b *batch) {
	out := b.out
	p.windows(b.n, func(at [4]int) {
		for k := range p.channels {
			out[k] = max(b.in[at[0]+k], b.in[at[1]+k], b.in[at[2]+k], b.in[at[3]+k])
		}
		out = out[p.channels:]
	})
}

// backward gives the derivative to the first pixel that is the largest.
func (p pool) backward(_ []float32, b *batch, _ gradient) {
	clear(b.dIn[:b.n*p.height*p.width*p.channels])
	out, dOut := b.out, b.dOut
	p.windows(b.n, func(at [4]int) {
		for k := range p.channels {
			for _, from := range at {
				if b.in[from+k] == out[k] {
					b.dIn[from+k] = dOut[k]
					break
				}
			}
		}
		out, dOut = out[p.channels:], dOut[p.channels:]
	})
}

// windows calls do with the places of the four pixels of every output pixel of n images.
func (p pool) windows(n int, do func(at [4]int)) {
	line := p.width * p.channels
	for i := range n {
		for y := range p.height / 2 {
			for x := range p.width / 2 {
				at := (i*p.height+2*y)*line + 2*x*p.channels
				do([4]int{at, at + p.channels, at + line, at + line + p.channels})
			}
		}
	}
}
