// Changes to what wasm-bindgen generates for the Worker.

// wasm-bindgen copies a text into the module character by character, which takes a third of a search that reads
// documents. `encodeInto` copies it at once, but below about a thousand characters the call costs more than it saves.
const passString = `function passStringToWasm0(arg, malloc, realloc) {
  const length = arg.length;
  const ptr = malloc(length, 1) >>> 0;
  const bytes = getUint8ArrayMemory0();
  let read = 0;
  let written = 0;
  if (length < 1_000) {
    for (; read < length; read += 1) {
      const code = arg.charCodeAt(read);
      if (code > 0x7f) break;
      bytes[ptr + read] = code;
    }
    written = read;
  } else ({ read, written } = cachedTextEncoder.encodeInto(arg, bytes.subarray(ptr, ptr + length)));
  WASM_VECTOR_LEN = written;
  return read === length ? ptr : passRest(arg, ptr, read, written, realloc);
}

/** Passes the rest of a text that isn't ASCII, of which each character takes up to three bytes. */
function passRest(arg, start, read, written, realloc) {
  const most = written + (arg.length - read) * 3;
  const ptr = realloc(start, arg.length, most, 1) >>> 0;
  const rest = getUint8ArrayMemory0().subarray(ptr + written, ptr + most);
  WASM_VECTOR_LEN = written + cachedTextEncoder.encodeInto(arg.slice(read), rest).written;
  return realloc(ptr, most, WASM_VECTOR_LEN, 1) >>> 0;
}
`;

/** Replaces a part of the text, which must be there. */
function replace(text, part, replacement) {
  if (text.search(part) === -1) throw new Error(`wasm-bindgen no longer generates ${part}: see scripts/glue.mjs`);
  return text.replace(part, () => replacement);
}

export function workerGlue(generated) {
  // wrangler provides the import as a compiled module, under a name of its own.
  const glue = replace(generated, /import source /, "import ");
  return replace(glue, /^function passStringToWasm0\([^]*?^\}\n/m, passString);
}
