// What one look at a page costs the server.
import { expect, test } from "vitest";
import { openWindow, type Asked } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";
import { WALK_MS } from "./lib/wait.ts";
import { fill, places, plain } from "./lib/world.ts";

/** More than this would be felt on a slow line. */
const MOST = 5;
/** What the frame around all pages asks for once. */
const SHELL = ["/session", "/server/about", "/metrics/states"];

const ofPage = (asked: readonly Asked[]): string[] => asked.map((a) => `${a.method} ${a.path}`).filter((a) => !SHELL.some((s) => a === `GET ${s}`));

test("no page asks the API more than five times, and nothing is asked of anybody else", async () => {
  const server = await startServer();
  const world = await fill(server, plain);
  const window = await openWindow(server, { key: server.key, expected: [/404/] });
  const tooMany: Record<string, string[]> = {};
  for (const [name, path] of places(world)) {
    window.asked = [];
    await window.go(path);
    const asked = ofPage(window.asked);
    if (asked.length > MOST) tooMany[name] = asked;
  }
  expect(tooMany).toEqual({});
}, WALK_MS);
