// What one look at a page costs the server, and that the page holds still while it comes up.
import { expect, test } from "vitest";
import { openWindow, type Asked } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";
import { WALK_MS } from "./lib/wait.ts";
import { fill, places, plain } from "./lib/world.ts";

/** More than this would be felt on a slow line. */
const MOST = 5;
/** What the frame around all pages asks for once. */
const SHELL = ["/session", "/server/about", "/metrics/states"];

/** The sum of all layout shifts of a page that a person could see: one line of a table that comes live is less. */
const MOST_SHIFT = 0.02;

/** Adds up how far things moved that were already painted. */
function watchShifts(): void {
  const seen = window as unknown as { shift: number };
  seen.shift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => (seen.shift += (entry as unknown as { value: number }).value))).observe({ type: "layout-shift", buffered: true });
}

const ofPage = (asked: readonly Asked[]): string[] => asked.map((a) => `${a.method} ${a.path}`).filter((a) => !SHELL.some((s) => a === `GET ${s}`));

test("no page asks the API more than five times or moves what is read, and nothing is asked of anybody else", async () => {
  const server = await startServer();
  const world = await fill(server, plain);
  const window = await openWindow(server, { key: server.key, expected: [/404/] });
  await window.page.addInitScript(watchShifts);
  const tooMany: Record<string, string[]> = {};
  const moved: string[] = [];
  for (const [name, path] of places(world)) {
    window.asked = [];
    await window.go(path);
    const asked = ofPage(window.asked);
    if (asked.length > MOST) tooMany[name] = asked;
    const shift = await window.page.evaluate(() => (globalThis as unknown as { shift: number }).shift);
    if (shift > MOST_SHIFT) moved.push(`${name}: ${shift.toFixed(3)}`);
  }
  expect(tooMany).toEqual({});
  expect(moved).toEqual([]);
}, WALK_MS);
