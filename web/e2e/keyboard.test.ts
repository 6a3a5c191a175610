// A person who never touches the mouse, and one who follows a link that Prefect printed.
import { expect, test } from "vitest";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";

const PLACES: [string, string, string][] = [
  ["o", "/", "Overview"], ["r", "/runs", "Runs"], ["f", "/flows", "Flows"], ["d", "/deployments", "Deployments"],
  ["b", "/robots", "Robots"], ["q", "/queues", "Work queues"], ["t", "/trends", "Trends"], ["a", "/audit", "Audit"], ["s", "/settings", "Settings"],
];

test("palette and shortcuts reach every page, and Prefect's links lead to the page that shows the same", async () => {
  const server = await startServer();
  const run = await server.report("pays", { lines: ["one"], finish: { state: "completed" } });
  await server.do("POST", "/deploy", { flow: "waits", entry: { kind: "command", argv: ["true"] } });
  const deployment = await server.do("GET", "/deployments/waits%2Fdefault");
  const queue = await server.do("GET", "/queues/default");
  const name = (await server.do("GET", `/runs/${run}`)).name as string;
  const window = await openWindow(server);
  const { page } = window;
  const at = (path: string) => page.waitForURL(server.url + path);

  await window.go("/");
  for (const [key, path, title] of [...PLACES.slice(1), ...PLACES.slice(0, 1)]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await at(path);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  }

  const palette = page.getByRole("dialog", { name: "Search and commands" });
  const find = async (text: string, entry: string | RegExp) => {
    await page.keyboard.press("Control+k");
    await palette.waitFor();
    await page.keyboard.type(text);
    await palette.getByRole("option", { name: entry }).first().waitFor();
    await page.keyboard.press("Enter");
    await palette.waitFor({ state: "hidden" });
  };
  await find("failed", "Failed runs");
  await at("/runs?state=failed,timed_out,crashed");
  await find(name.slice(0, -1), name);
  await at(`/runs/${run}`);
  await find("waits/def", "waits/default");
  await at(`/deployments/${deployment.id}`);
  await find("add a rob", "Add a robot");
  await at("/robots/add");

  // A table is walked and opened without the mouse; `/` finds its filter; `?` explains the keys.
  await window.go("/runs");
  await page.getByRole("row", { name: /pays/ }).focus();
  await page.keyboard.press("Enter");
  await at(`/runs/${run}`);
  // From a fresh page too, where nothing has the focus: down to the second row, and into it.
  const second = await server.report("pays", { lines: ["two"], finish: { state: "completed" } });
  const third = await server.report("pays", { lines: ["three"], finish: { state: "completed" } });
  await window.go("/runs");
  await page.getByRole("row", { name: /pays/ }).nth(2).waitFor();
  for (const key of ["j", "j", "k", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  await at(`/runs/${second}`);
  await window.go("/runs");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the table");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await at(`/runs/${third}`);
  await window.go("/runs");
  await page.keyboard.press("/");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Search runs: name, id, flow, label, tag, parameter, error");
  await page.keyboard.press("Tab");
  await page.locator("body").press("?");
  await page.getByRole("dialog", { name: "Keys and states" }).waitFor();
  await page.keyboard.press("Escape");
  // The first stop of the tab key leads past the bars.
  await window.go("/queues");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");

  const printed: [string, string][] = [
    [`/runs/flow-run/${run}`, `/runs/${run}`],
    [`/flow-runs/flow-run/${run}`, `/runs/${run}`],
    [`/deployments/deployment/${deployment.id}`, `/deployments/${deployment.id}`],
    [`/flows/flow/${deployment.flow_id}`, `/flows/${deployment.flow_id}`],
    [`/work-pools/work-pool/default`, "/queues"],
    ["/schedules", "/deployments"],
    [`/work-queues/work-queue/${queue.id}`, `/queues/${queue.id}`],
    [`/runs/task-run/${run}`, `/runs?prefix=${run}`],
  ];
  for (const [old, now] of printed) {
    await page.goto(server.url + old);
    await at(now);
    await window.settled();
  }
});
