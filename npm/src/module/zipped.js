// The module zipped, as a string in the program: no file to lose, and no larger than the file.

import zipped from "wasm-zipped";

export async function fetchModule() {
  const bytes = Uint8Array.from(atob(zipped), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(stream).arrayBuffer());
}
