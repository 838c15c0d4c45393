// The state diagram, drawn from the package's table: whatever moves that has, are here.

import { nextStatuses, statuses } from "#connector-status";

import { label } from "../../core/statuses.js";
import { StatusIcon } from "../../ui/status.jsx";

// One geometry for both orientations. `u` runs along the usual way, `v` away from it, towards the
// error; wide screens have u to the right, narrow ones downwards.
const shapes = {
  wide: { half: [96, 23], errorHalf: [64, 23], pitch: 234, drop: 128, edge: [99, 62], size: [900, 258] },
  narrow: { half: [23, 94], errorHalf: [23, 46], pitch: 88, drop: 178, edge: [25, 128], size: [388, 314] },
};

const row = statuses.filter((status) => status !== "error");
const moves = statuses.flatMap((from) => nextStatuses(from).map((to) => [from, to]));
const has = (from, to) => moves.some(([a, b]) => a === from && b === to);

function geometry(narrow) {
  const shape = narrow ? shapes.narrow : shapes.wide;
  const { half: [a, c], errorHalf: [ea, ec], pitch, drop, edge } = shape;
  const at = (u, v) => (narrow ? [edge[1] + v, edge[0] + u] : [edge[0] + u, edge[1] + v]);
  const path = (parts) =>
    parts.map(([letter, ...points]) => letter + points.map(([u, v]) => at(u, v).join(" ")).join(" ")).join("");
  const errorU = (row.length - 1.5) * pitch;
  const place = (status) => (status === "error" ? [errorU, drop] : [row.indexOf(status) * pitch, 0]);

  /** The line of a move: `{ d, backwards }`, from the border of one box to that of the other. */
  function line(from, to) {
    const [u, v] = place(from);
    const [toU] = place(to);
    if (from === to) {
      const [side, height] = from === "error" ? [1, ec] : [-1, c];
      const [near, far] = [v + side * height, v + side * (height + 36)];
      return { d: path([["M", [u - 11, near]], ["C", [u - 26, far], [u + 26, far], [u + 11, near]]]) };
    }
    if (from !== "error" && to !== "error") {
      const way = Math.sign(toU - u);
      const aside = has(to, from) ? -7 * way : 0;
      if (Math.abs(toU - u) <= pitch) return { d: path([["M", [u + way * a, aside]], ["L", [toU - way * a, aside]]]) };
      const top = -c - 30;
      return { d: path([["M", [u, -c]], ["C", [u, top], [toU, top], [toU, -c]]]) };
    }
    const other = from === "error" ? to : from;
    const [otherU] = place(other);
    const side = Math.sign(otherU - errorU);
    if (Math.abs(otherU - errorU) < pitch) {
      const aside = from === "error" ? 7 : -7;
      /** @type {[number, number]} */
    const start = [otherU - side * a * 0.3 + aside, c];
      /** @type {[number, number]} */
    const end = [errorU + side * ea * 0.5 + aside, drop - ec];
      const middle = (c + drop - ec) / 2;
      const curve = ([u1, v1], [u2, v2]) => path([["M", [u1, v1]], ["C", [u1, middle], [u2, middle], [u2, v2]]]);
      return { d: from === "error" ? curve(end, start) : curve(start, end) };
    }
    // From afar it runs beside the others and turns round a corner.
    const v2 = drop + 8 - 16 * row.indexOf(other);
    const end = errorU + side * ea;
    const corner = 22;
    return {
      d: path([["M", [otherU, c]], ["L", [otherU, v2 - corner]], ["Q", [otherU, v2], [otherU - side * corner, v2]], ["L", [end, v2]]]),
      backwards: from === "error",
    };
  }

  function box(status) {
    const [x, y] = at(...place(status));
    const [halfU, halfV] = status === "error" ? [ea, ec] : [a, c];
    const [width, height] = narrow ? [2 * halfV, 2 * halfU] : [2 * halfU, 2 * halfV];
    return { x: x - width / 2, y: y - height / 2, width, height };
  }
  return { line, box, size: shape.size };
}

const pictures = { true: geometry(true), false: geometry(false) };

/** The statuses: which is current, which may come next, which path was taken, and which move is `aimed` at. */
export function Diagram({ status, history, aimed, narrow, onAim }) {
  const { line, box, size } = pictures[narrow];
  const past = new Set(history.filter(({ from }) => from).map(({ from, to }) => `${from} ${to}`));
  const kind = (from, to) => {
    if (from === status && has(from, to)) return aimed === to ? "aimed" : "legal";
    return past.has(`${from} ${to}`) ? "past" : "idle";
  };
  const edges = new Map(
    [...moves.map((move) => move.join(" ")), ...past].map((key) => [key, kind(...key.split(" "))]),
  );
  const order = ["idle", "past", "legal", "aimed"];
  const drawn = [...edges].sort(([, a], [, b]) => order.indexOf(a) - order.indexOf(b));
  const legal = nextStatuses(status);
  return (
    <figure class="diagram">
      <svg viewBox={`0 0 ${size.join(" ")}`} role="img" aria-label={describe(status, legal, history)}>
        <defs>
          {order.map((kind) => (
            <marker id={`tip-${kind}`} class={`tip ${kind}`} viewBox="0 0 8 8" refX="7" refY="4"
              markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto-start-reverse">
              <path d="M0 0L8 4L0 8z" />
            </marker>
          ))}
        </defs>
        {drawn.map(([key, kind]) => {
          const { d, backwards } = line(...key.split(" "));
          const tip = { [backwards ? "marker-start" : "marker-end"]: `url(#tip-${kind})` };
          return <path key={key} class={`edge ${kind}`} data-move={key} d={d} {...tip} />;
        })}
        {statuses.map((name) => {
          const { x, y, width, height } = box(name);
          const open = legal.includes(name);
          const state = name === status ? "current" : open ? "open" : "shut";
          return (
            <g key={name} class={`node ${state} ${aimed === name ? "target" : ""}`} data-status={name}
              onClick={open ? () => onAim(name) : undefined}>
              <rect x={x} y={y} width={width} height={height} rx="11" />
              <foreignObject x={x} y={y} width={width} height={height}>
                <div class="node-label"><StatusIcon status={name} /><span>{label(name)}</span></div>
              </foreignObject>
            </g>
          );
        })}
      </svg>
      <figcaption class="legend muted" aria-hidden="true">
        <span><i class="now" /> current</span>
        <span><i class="may" /> available next</span>
        <span><i class="was" /> path taken</span>
      </figcaption>
    </figure>
  );
}

function describe(status, legal, history) {
  const way = history.map(({ to }) => label(to)).reverse().slice(-6).join(", ");
  return `State diagram. Current status: ${label(status)}. Available next: ${legal.map(label).join(", ")}. Path taken: ${way || label(status)}.`;
}
