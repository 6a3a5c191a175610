// A Vite plugin that writes a .br and a .gz beside every file worth compressing, so that the server never compresses.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const WORTH = /\.(html|js|css|svg|json|txt)$/;
/** Below this the header costs more than the compression saves. */
const SMALLEST = 512;

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

export function precompress(): Plugin {
  let folder = "dist";
  return {
    name: "baton-precompress",
    apply: "build",
    configResolved: (config) => void (folder = config.build.outDir),
    closeBundle() {
      for (const path of filesBelow(folder).filter((p) => WORTH.test(p))) {
        const bytes = readFileSync(path);
        if (bytes.length < SMALLEST) continue;
        const brotli = brotliCompressSync(bytes, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
        });
        writeFileSync(`${path}.br`, brotli);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
