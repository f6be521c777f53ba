// Package chart draws the few kinds of chart a report needs, as inline SVG that fits any width.
//
// A chart is one <svg> without a viewBox: it fills the width of its parent and has a fixed height, positions are
// percentages, and so text keeps its size on a phone and on a wide screen. Tick labels stand outside the svg's box
// (overflow is visible); the parent <div class="frame"> has the padding for them. Curves are drawn in an inner <svg>
// that is stretched, with strokes that are not.
//
// Colours and fonts come from the page's style sheet, by class: c0 to c7 set the colour of a series.
package chart
