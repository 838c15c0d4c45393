// Builds an animated PNG from pictures of the same size (https://www.w3.org/TR/png-3/).

import { crc32 } from "node:zlib";

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

function* chunks(png) {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    yield { type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

function chunk(type, data) {
  const content = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, check]);
}

const numbers = (...all) => {
  const bytes = Buffer.alloc(all.length * 4);
  all.forEach((number, n) => bytes.writeUInt32BE(number, n * 4));
  return bytes;
};

/** Loops forever. `frames`: `{ png, ms }`, each picture and how long it is shown. */
export function animate(frames) {
  let sequence = 0;
  const control = (header, ms) => {
    const tail = Buffer.alloc(6);
    tail.writeUInt16BE(ms, 0);
    tail.writeUInt16BE(1_000, 2);
    return chunk("fcTL", Buffer.concat([numbers(sequence++, header.readUInt32BE(0), header.readUInt32BE(4), 0, 0), tail]));
  };
  const parts = frames.flatMap(({ png, ms }, n) => {
    const all = [...chunks(png)];
    const header = all.find(({ type }) => type === "IHDR").data;
    const pixels = all.filter(({ type }) => type === "IDAT").map(({ data }) => data);
    if (n === 0) {
      return [chunk("IHDR", header), chunk("acTL", numbers(frames.length, 0)), control(header, ms), ...pixels.map((data) => chunk("IDAT", data))];
    }
    return [control(header, ms), ...pixels.map((data) => chunk("fdAT", Buffer.concat([numbers(sequence++), data])))];
  });
  return Buffer.concat([SIGNATURE, ...parts, chunk("IEND", Buffer.alloc(0))]);
}
