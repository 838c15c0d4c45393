// The gzipped module, inlined as a string.

import zipped from "wasm-zipped";

export async function compile() {
  const bytes = Uint8Array.from(atob(zipped), (letter) => letter.charCodeAt(0));
  // Not `new Blob(...).stream()`: jsdom's Blob doesn't have it.
  const unzipped = /** @type {ReadableStream} */ (new Response(bytes).body).pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(unzipped).arrayBuffer());
}
