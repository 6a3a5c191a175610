// Every page and every kind of dialog, looked at by axe: light and dark, wide and narrow.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type axe from "axe-core";
import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { openWindow, type Watched } from "./lib/browser.ts";
import { startServer, type Server } from "./lib/server.ts";
import { WALK_MS } from "./lib/wait.ts";
import { fill, places, plain, type World } from "./lib/world.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = [[1280, "light"], [1280, "dark"], [400, "dark"], [400, "light"]] as const;

/** Rule and element of each violation. */
async function violations(page: Page, rules?: string[]): Promise<string[]> {
  return page.evaluate(async (only) => {
    const found = await (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ["violations"], preload: false, rules: { "target-size": { enabled: true } }, ...(only ? { runOnly: only } : {}) });
    return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.failureSummary?.split("\n")[1]?.trim() ?? ""}`));
  }, rules);
}

/** In every theme and width; the second theme differs in colours alone. */
async function inEveryLook(page: Page, name: string, bad: string[]): Promise<void> {
  for (const [width, colorScheme] of LOOKS) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await page.waitForFunction((dark) => matchMedia("(prefers-color-scheme: dark)").matches === dark, colorScheme === "dark");
    const rules = colorScheme === "dark" ? ["color-contrast"] : undefined;
    let found = await violations(page, rules);
    // Colours may be on their way from one theme to the other: what is wrong is wrong again, frames later.
    for (let again = 0; again < 3 && found.length > 0; again++) {
      await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
      found = await violations(page, rules);
    }
    bad.push(...found.map((violation) => `${name}, ${colorScheme}, ${width}: ${violation}`));
  }
}

/** What opens over pages: by address, and the button that opens it. */
const openers = (w: World): [string, string][] => [
  [`/runs/${w.running}`, "Cancel"],
  [`/runs/${w.failed}`, "Run again…"],
  [`/deployments/${w.deployment}`, "Run now"],
  [`/deployments/${w.deployment}`, "Edit"],
  [`/deployments/${w.deployment}`, "Add a schedule"],
  ["/runs", "State"],
  ["/settings", "Make a key"],
  ["/queues", "New work queue"],
];

async function walk(server: Server, world: World, bad: string[]): Promise<void> {
  const window: Watched = await openWindow(server, { key: server.key, expected: [/404/] });
  const { page } = window;
  await page.addInitScript(AXE);
  const fresh = async (path: string) => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await window.go(path);
  };
  for (const [name, path] of [...places(world), ["sign in", "/sign-in"] as const]) {
    await fresh(path);
    await inEveryLook(page, name, bad);
  }
  for (const [path, button] of openers(world)) {
    await fresh(path);
    await page.locator("main").getByRole("button", { name: button, exact: true }).first().click();
    await page.locator("[role=dialog],[role=alertdialog]").first().waitFor();
    await window.settled();
    await inEveryLook(page, `${path} ${button}`, bad);
  }
  await page.keyboard.press("Escape");
  for (const key of ["Control+k", "?"]) {
    await fresh("/");
    await page.keyboard.press(key);
    await page.getByRole("dialog").waitFor();
    await window.settled();
    await inEveryLook(page, `dialog of ${key}`, bad);
  }
}

test("axe finds nothing on any page, light and dark, wide and narrow", async () => {
  const server = await startServer();
  const world = await fill(server, plain);
  const bad: string[] = [];
  await walk(server, world, bad);
  expect([...new Set(bad)]).toEqual([]);
}, WALK_MS);
