// Output: tables and colour on a terminal, tabs for other programs, JSON on request.

const colours = { connected: 32, error: 31, needs_configuration: 33, configured: 36, created: 2, yes: 32, no: 2 };

/** Text on one line, without control characters that a terminal would act on. */
export const clean = (text) =>
  String(text ?? "").replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, " ");

const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Creates the printer. `asJson`, `command` and `url` are set once the options are read. */
export function printer(stdout, stderr, env) {
  const isTerminal = Boolean(stdout.isTTY);
  const hasColour = isTerminal && !env.NO_COLOR && env.TERM !== "dumb";
  const paint = (text, code) => (hasColour && code ? `\u001b[${code}m${text}\u001b[0m` : text);
  /** Dates are cut to the second where people read them. */
  const shown = (value) => {
    const text = clean(value);
    return isTerminal && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? text.slice(0, 19).replace("T", " ") : text;
  };
  const coloured = (text) => paint(text, colours[text.trim()]);

  return {
    asJson: false,
    command: "",
    url: "",
    text: (text) => void stdout.write(text),
    stderr: (text) => void stderr.write(`${text.split("\n").map(clean).join("\n")}\n`),

    /** One document: as JSON, or as its lines. */
    document(document, lines) {
      if (!this.asJson) return this.lines(lines);
      // JSON leaves these control characters, but terminals act on them.
      stdout.write(`${JSON.stringify(document).replaceAll(/[\u007f-\u009f]/g, escape)}\n`);
    },

    lines(lines) {
      for (const line of lines) stdout.write(`${line.map(shown).map(coloured).join(isTerminal ? "  " : "\t")}\n`);
    },

    /** The fields of a document, by name. Empty ones aren't shown on a terminal. */
    fields(document, fields) {
      if (this.asJson) return this.document(document);
      const lines = Object.entries(fields).map(([name, value]) => [name, shown(value)]);
      if (!isTerminal) return lines.forEach((line) => stdout.write(`${line.join("\t")}\n`));
      const width = Math.max(...lines.map(([name]) => name.length));
      for (const [name, text] of lines) if (text !== "") stdout.write(`${paint(name.padEnd(width), 1)}  ${coloured(text)}\n`);
      return undefined;
    },

    /** Rows, each of which is a document. `columns` maps headings to functions of a row. `cut`: the last column may be cut. */
    table(rows, columns, { cut = false } = {}) {
      if (this.asJson) return rows.forEach((row) => this.document(row));
      const heads = Object.keys(columns);
      const cells = rows.map((row) => heads.map((head) => shown(columns[head](row))));
      if (!isTerminal) return cells.forEach((line) => stdout.write(`${line.join("\t")}\n`));
      if (rows.length === 0) return undefined;
      const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i].length)));
      const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
      const room = cut ? Math.max(20, (stdout.columns || 80) - before) : Infinity;
      const layOut = (line, paintCell) =>
        line.map((text, i) => paintCell(i < widths.length - 1 ? text.padEnd(widths[i]) : text.length > room ? `${text.slice(0, room - 1)}…` : text)).join("  ").trimEnd();
      stdout.write(`${layOut(heads, (text) => paint(text, 1))}\n`);
      for (const line of cells) stdout.write(`${layOut(line, coloured)}\n`);
    },
  };
}
