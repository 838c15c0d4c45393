// Drawings, 16 by 16.

const drawings = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  check: "M3 8.5l3.2 3.2L13 4.5",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9M10.4 10.4l3.1 3.1",
  plus: "M8 3v10M3 8h10",
  back: "M9.5 3.5L5 8l4.5 4.5",
  right: "M6.5 3.5L11 8l-4.5 4.5",
  arrow: "M2.5 8h10.5M9 4l4 4l-4 4",
  clock: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2M8 4.8V8l2.2 1.6",
  away: "M2 2l12 12M4.6 6.6A6 6 0 0 0 2.5 8.2M8 5.5c2.2 0 4.2.9 5.5 2.6M6 9.8a3 3 0 0 1 4 .2M8 12.8v.1",
  chart: "M2.5 2.5v11h11M5 10.5l3-4l2 2l3.5-4.5",
  key: "M5.5 7.5a3 3 0 1 1 0 6a3 3 0 0 1 0-6M7.7 8.3L13.5 2.5M11 5l2 2",
  info: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2M8 7.4v3.6M8 5v.1",
  warning: "M8 2.3l6 10.9H2zM8 6.4v3.2M8 11.4v.1",
  close: "M4 4l8 8M12 4l-8 8",
  pause: "M6 3.5v9M10 3.5v9",
  play: "M5 3.2l7.5 4.8L5 12.8z",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  system: "M2.5 3h11v8h-11zM6 13.5h4M8 11v2.5",
  light: "M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  dark: "M13.2 9.6A5.6 5.6 0 1 1 6.4 2.8a4.6 4.6 0 0 0 6.8 6.8z",
};

export const Icon = ({ name }) => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d={drawings[name]} />
  </svg>
);
