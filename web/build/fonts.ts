// A Vite plugin that cuts the typefaces down to what the dashboard writes: the first load carries the signs of English alone.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import subsetFont from "subset-font";
import type { Plugin } from "vite";

/** Where the cut files stand; what the build makes is not kept with the sources. */
export const FONTS = fileURLToPath(new URL("../node_modules/.cache/baton-fonts", import.meta.url));

/** The printable signs of ASCII. */
const ASCII = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join("");
/** What the pages write beside them; `fonts.css` names the same signs. */
const SIGNS = "\u00a0·×–—‘’“”•…‖←↑→↓−";
/** What base.css turns on, and what every text needs. */
const FEATURES = ["kern", "mark", "mkmk", "ccmp", "locl", "calt", "tnum", "cv05", "cv11", "ss03"];
/** The weights that pages use. */
const WEIGHTS = { wght: { min: 400, max: 700 } };

const source = (name: string): Buffer => readFileSync(createRequire(import.meta.url).resolve(name));

async function cut(): Promise<void> {
  mkdirSync(FONTS, { recursive: true });
  const options = { targetFormat: "woff2", keepFeatures: FEATURES, variationAxes: WEIGHTS } as const;
  const inter = source("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2");
  const mono = source("@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2");
  writeFileSync(join(FONTS, "inter.woff2"), await subsetFont(inter, ASCII + SIGNS, options));
  writeFileSync(join(FONTS, "mono.woff2"), await subsetFont(mono, ASCII + SIGNS, { ...options, keepFeatures: ["kern", "mark", "mkmk", "ccmp", "locl"] }));
}

export function fonts(): Plugin {
  return { name: "baton-fonts", enforce: "pre", config: cut };
}
