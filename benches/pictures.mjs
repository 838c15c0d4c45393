// Two charts for the documents, as SVG that follows the reader's colour scheme.

import { writeFileSync } from "node:fs";

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

const STYLE = `
  svg { color: #24292f; background: transparent; font: 12px system-ui, sans-serif; }
  @media (prefers-color-scheme: dark) { svg { color: #d0d7de; } }
`;

/** Colours that are distinct on light and dark backgrounds, also for colour-blind readers. */
const COLOURS = ["#0a84c1", "#d9730d", "#8a63d2", "#2d9a5b", "#c0392b"];

/** A line chart of `points` (`{ x, y, series }`) on logarithmic scales. */
export function lines(file, { title, x, y, points, marks = () => [] }) {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const names = [...new Set(points.map(({ series }) => series))];
  const last = names.map((series) => points.filter((point) => point.series === series).at(-1));
  const svg = Plot.plot({
    document,
    width: 720,
    height: 400,
    marginLeft: 70,
    marginRight: 190,
    marginBottom: 45,
    x: { type: "log", label: x, tickFormat: (n) => n.toLocaleString("en"), ticks: [...new Set(points.map((point) => point.x))] },
    y: { type: "log", label: y, grid: true, ticks: 6, tickFormat: (n) => (Number.isInteger(Math.log10(n) * 1e6 / 1e6) || n >= 1 ? n.toLocaleString("en", { maximumSignificantDigits: 2 }) : String(n)) },
    color: { domain: names, range: COLOURS },
    marks: [
      Plot.line(points, { x: "x", y: "y", stroke: "series", strokeWidth: 2 }),
      Plot.dot(points, { x: "x", y: "y", fill: "series", r: 3.5 }),
      Plot.text(last, { x: "x", y: "y", text: "series", fill: "series", textAnchor: "start", dx: 10 }),
      ...marks(Plot),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", title);
  const text = svg.outerHTML
    .replace(/<style>[\s\S]*?<\/style>/, `<title>${title}</title><style>${STYLE}</style>`)
    .replaceAll(/ class="[^"]*"/g, "");
  writeFileSync(file, `${text}\n`);
}
