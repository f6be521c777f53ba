// Reads values off the curves under the pointer. Everything else on the page works without this.
"use strict";
const tip = document.getElementById("tip");

// A scale is "lo hi linear|log unit", as the chart wrote it: what stands at position p, 0 to 1, between its ends.
function scale(text) {
  const [lo, hi, kind, unit] = text.split(" ");
  const a = Number(lo), b = Number(hi);
  const at = p => kind === "log" ? a * Math.pow(b / a, p) : a + p * (b - a);
  const percent = unit === "%";
  return p => Number(at(p).toPrecision(3)).toLocaleString("en", {maximumSignificantDigits: 3}) + (unit ? (percent ? "" : " ") + unit : "");
}

// The points of a path are in the thousandths of the chart.
function points(path) {
  return Array.from(path.getAttribute("d").matchAll(/[ML]([-\d.]+) ([-\d.]+)/g), m => [Number(m[1]), Number(m[2])]);
}

function nearest(list, x) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle][0] < x) low = middle; else high = middle;
  }
  return x - list[low][0] < list[high][0] - x ? list[low] : list[high];
}

const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
cursor.setAttribute("class", "cursor");
cursor.setAttribute("y2", "100%");
let pointer = null; // its last move

function leave() {
  tip.hidden = true;
  cursor.remove();
}

// The chart is read anew each time: on a page that follows its run it changes below the pointer.
function read() {
  const frame = pointer && pointer.target.isConnected && pointer.target.closest(".frame");
  const plot = frame && frame.querySelector("svg.curves");
  if (!plot) return leave();
  const chart = plot.parentNode, box = chart.getBoundingClientRect();
  const x = 1000 * (pointer.clientX - box.left) / box.width;
  const curves = Array.from(plot.querySelectorAll("path"), p => ({name: p.dataset.name, points: points(p)})).filter(c => c.points.length);
  if (x < -20 || x > 1020 || !curves.length) return leave();
  const showX = scale(plot.dataset.x), showY = scale(plot.dataset.y);
  const rows = curves.map(c => [c.name, nearest(c.points, x)]);
  const at = rows.reduce((best, row) => Math.abs(row[1][0] - x) < Math.abs(best - x) ? row[1][0] : best, Infinity);
  tip.textContent = showX(at / 1000) + rows.map(([name, p]) => "\n" + name + "  " + showY(1 - p[1] / 1000)).join("");
  tip.hidden = false;
  tip.style.left = Math.min(pointer.clientX + 14, window.innerWidth - tip.offsetWidth - 6) + "px";
  tip.style.top = Math.max(6, pointer.clientY - tip.offsetHeight - 10) + "px";
  cursor.setAttribute("x1", at / 10 + "%");
  cursor.setAttribute("x2", at / 10 + "%");
  chart.append(cursor);
}
document.addEventListener("pointermove", event => { pointer = event; read(); });
document.documentElement.addEventListener("pointerleave", () => { pointer = null; leave(); });
