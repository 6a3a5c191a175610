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

test("a list of runs follows what happens row by row, and is never read again for it", async () => {
  const server = await startServer();
  await server.report("first", { finish: { state: "completed" } });
  const window = await openWindow(server);
  await window.go("/runs");
  await window.page.getByText("Live", { exact: true }).waitFor();
  window.asked = [];
  await server.report("second", { finish: { state: "failed", error: { kind: "failed", message: "no paper" } } });
  await window.page.getByRole("row", { name: /Failed.*second/ }).waitFor();
  await window.settled();
  const lists = window.asked.map((a) => a.path).filter((path) => path.startsWith("/runs?"));
  expect(lists.length).toBeGreaterThan(0);
  expect(lists.filter((path) => !path.includes("ids="))).toEqual([]);
});

test("the page of a robot begins at its top on a phone", async () => {
  const server = await startServer();
  const world = await fill(server, plain);
  const window = await openWindow(server, { key: server.key, width: 400 });
  await window.go(`/robots/${world.robot}`);
  const tops = await window.page.evaluate(() => [...document.querySelectorAll("main, main *")].map((e) => e.scrollTop).filter((top) => top > 0));
  expect(tops).toEqual([]);
});

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

/** Scripts, styles and typefaces of the overview's first load, as they come compressed, in bytes: the rest to 250 kB is left for its rows. */
const MOST_ASSETS = 230_000;

test("the overview's first load stays small", async () => {
  const server = await startServer();
  await server.report("first", { finish: { state: "completed" } });
  const window = await openWindow(server);
  await window.go("/");
  const sizes = await window.page.evaluate(() => performance.getEntriesByType("resource").map((e) => ({ name: e.name, bytes: (e as unknown as { transferSize: number }).transferSize })));
  const assets = sizes.filter((e) => e.name.includes("/assets/"));
  expect(assets.length).toBeGreaterThan(3);
  expect(assets.reduce((sum, e) => sum + e.bytes, 0), JSON.stringify(assets)).toBeLessThan(MOST_ASSETS);
});
