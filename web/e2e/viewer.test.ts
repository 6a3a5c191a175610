// A viewer looks at everything and changes nothing.
import { expect, test } from "vitest";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";

/** What an admin would find on these pages. */
const FORBIDDEN = /^(Cancel|Retry|Run again…|More actions|Run now|Edit|More|Add a schedule|Add a robot|Drain…|Send a run…|Make a key|Make a queue|New queue|New work queue|Set a limit|Pause|Resume|Add a limit|Delete…)$/;

test("a viewer cannot cancel, neither in the browser nor by the API", async () => {
  const server = await startServer();
  const run = await server.report("pays", { lines: ["one", "two"], tasks: [{ key: "a", name: "Add up", state: "running" }] });
  await server.do("POST", "/deploy", { flow: "waits", entry: { kind: "command", argv: ["true"] }, schedule: { settings: { rule: { frequency: "daily", time: "06:00" } } } });
  const key = await server.keyFor("viewer");
  const window = await openWindow(server, { expected: [/console: .*40[13]/] });
  const { page } = window;

  // Whoever is not signed in is led to the page that they wanted.
  await page.goto(`${server.url}/runs/${run}`);
  await page.getByLabel("API key").fill(key.secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Running", { exact: true }).first().waitFor();
  await page.getByRole("log").getByText("two").waitFor();

  const pages = [`/runs/${run}`, "/runs", "/", "/deployments", "/deployments/waits%2Fdefault", "/flows", "/flows/waits", "/robots", "/robots/add", "/queues", "/queues/default", "/trends", "/settings"];
  for (const path of pages) {
    await window.go(path);
    const names = await page.locator("main").getByRole("button").or(page.locator("main").getByRole("link")).evaluateAll((all) => all.map((e) => (e.getAttribute("aria-label") ?? e.textContent ?? "").trim()));
    expect(names.filter((name) => FORBIDDEN.test(name)), path).toEqual([]);
    expect(await page.locator("main").getByRole("switch").and(page.locator(":enabled")).count(), path).toBe(0);
  }
  await window.go("/runs");
  expect(await page.getByRole("checkbox").count()).toBe(0);

  const refused = await page.evaluate(
    (paths) => Promise.all(paths.map((path) => fetch(`/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then((r) => r.status))),
    [`/runs/${run}/cancel`, `/runs/${run}/retry`, "/deployments/waits%2Fdefault/run", "/queues/default/pause", "/sign-in-links"],
  );
  expect(refused.slice(0, 4)).toEqual([403, 403, 403, 403]);
  expect((await server.ask("POST", `/runs/${run}/cancel`, {}, key.secret)).status).toBe(403);
  expect((await server.do("GET", `/runs/${run}`)).state).toBe("running");

  // The same page offers it to an admin.
  const admin = await openWindow(server);
  await admin.go(`/runs/${run}`);
  await admin.page.getByRole("button", { name: "Cancel" }).waitFor();
});
