package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"weir/record"
)

// colors tell curves apart for colour-blind readers too (Okabe and Ito 2008).
var colors = []color.Color{
	color.RGBA{R: 0x55, G: 0x55, B: 0x55, A: 0xff},
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff},
	color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
	color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
}

// draw writes a picture of the runs: the metric, as the mean of its last five evaluations, against what p.Against names.
func draw(path string, p picture, e experiment, runs []*record.Loaded) error {
	plot.DefaultFont.Variant = "Sans"
	canvas := plot.New()
	canvas.Title.Padding = vg.Points(10)
	canvas.X.Padding, canvas.Y.Padding = 0, 0
	canvas.Title.Text = p.Title
	canvas.X.Label.Text = p.Against
	canvas.Y.Label.Text = e.Metric
	canvas.Legend.Top, canvas.Legend.Left = p.Legend.Top, p.Legend.Left
	canvas.Legend.XOffs, canvas.Legend.YOffs = vg.Points(-12), vg.Points(12)
	if p.Legend.Left {
		canvas.Legend.XOffs = vg.Points(12)
	}
	if p.Legend.Top {
		canvas.Legend.YOffs = -vg.Length(p.Legend.Down) * vg.Centimeter
	}
	canvas.Legend.Padding = vg.Points(3)
	canvas.Add(plotter.NewGrid())
	if p.LogX {
		canvas.X.Scale = plot.LogScale{}
		canvas.X.Tick.Marker = plot.LogTicks{Prec: -1}
	}
	if p.Log {
		canvas.Y.Scale = plot.LogScale{}
		canvas.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	}
	if p.To > 0 {
		canvas.X.Max = p.To
	}
	drawn := 0
	for i, run := range runs {
		if len(p.Runs) > 0 && !slices.Contains(p.Runs, e.Runs[i].Name) {
			continue
		}
		points, err := curve(run, p, e.Metric)
		if err != nil {
			return err
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color = colors[drawn%len(colors)]
		drawn++
		line.Width = vg.Points(1.6)
		canvas.Add(line)
		canvas.Legend.Add(e.Runs[i].Name, line)
	}
	if p.To > 0 {
		canvas.X.Max = p.To
	}
	return canvas.Save(17*vg.Centimeter, 10*vg.Centimeter, path)
}

// curve is a run's metric over what the picture is drawn against, up to its right end.
func curve(run *record.Loaded, p picture, metric string) (plotter.XYs, error) {
	var points plotter.XYs
	var series record.Series
	for _, v := range run.Evaluated {
		value, ok := v.Metrics.Get(metric)
		if !ok || math.IsNaN(value) {
			continue
		}
		series.Add(v.Version, value)
		x, err := abscissa(v, p.Against)
		if err != nil {
			return nil, fmt.Errorf("picture: %w", err)
		}
		if p.To > 0 && x > p.To {
			break
		}
		if p.LogX && x == 0 {
			continue
		}
		points = append(points, plotter.XY{X: x, Y: series.Mean(5)})
	}
	return points, nil
}

// abscissa is what a version had used by what a run is drawn against or measured by.
func abscissa(v record.VersionRow, against string) (float64, error) {
	switch against {
	case "virtual time (s)":
		return v.Time, nil
	case "MB up":
		return float64(v.BytesUp) / 1e6, nil
	case "samples":
		return float64(v.Samples), nil
	case "version":
		return float64(v.Version), nil
	}
	return 0, fmt.Errorf("%q: must be virtual time (s), MB up, samples or version", against)
}
