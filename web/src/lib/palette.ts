// Which entries of the command palette fit the words, best first; pure.
import type { LucideIcon } from "lucide-react";
import type { ShownState } from "./states";

export interface Entry {
  id: string;
  group: string;
  name: string;
  hint?: string;
  /** Keys that do the same. */
  keys?: string[];
  /** Shown in place of the icon: how the run is now. */
  state?: ShownState;
  icon: LucideIcon;
  run: () => void;
}

/** Higher is better; 0 does not fit. The beginning beats the beginning of a word beats the middle beats scattered letters. */
export function score(name: string, words: string): number {
  const text = name.toLowerCase();
  const want = words.toLowerCase();
  if (text === want) return 100;
  if (text.startsWith(want)) return 80;
  const inside = text.indexOf(want);
  if (inside > 0) return /[\s/_.-]/.test(text[inside - 1] ?? "") ? 60 : 40;
  let at = -1;
  for (const letter of want) {
    at = text.indexOf(letter, at + 1);
    if (at < 0) return 0;
  }
  return 10;
}

export function rank<T extends { name: string }>(entries: readonly T[], words: string): T[] {
  return entries
    .map((entry, i) => ({ entry, i, score: score(entry.name, words) }))
    .filter((x) => x.score > 0)
    .sort((a, b) => b.score - a.score || a.i - b.i)
    .map((x) => x.entry);
}
