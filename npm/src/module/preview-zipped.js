// The module gzipped, as a string in the program: no file to ship, and no larger to download.

import zipped from "wasm-zipped";

export async function compile() {
  const bytes = Uint8Array.from(atob(zipped), (letter) => letter.charCodeAt(0));
  // Not `new Blob(...).stream()`: jsdom has a Blob of its own, without it.
  const unzipped = /** @type {ReadableStream} */ (new Response(bytes).body).pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(unzipped).arrayBuffer());
}
