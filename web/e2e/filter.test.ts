// A person looks for what is late and what failed.
import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";

const rows = (page: Page) => page.getByRole("grid", { name: "Runs" }).getByRole("row");

/** Waits until exactly these flows stand in the table. */
async function shows(page: Page, flows: string[]): Promise<void> {
  await expect.poll(async () => (await rows(page).allInnerTexts()).slice(1).map((text) => ["pays", "breaks", "waits"].find((f) => text.includes(f))), { timeout: 30_000 }).toEqual(flows);
}

async function choose(page: Page, state: string): Promise<void> {
  await page.getByRole("button", { name: /^State/ }).click();
  await page.getByRole("option", { name: state, exact: true }).click();
  await page.keyboard.press("Escape");
}

test("late and failed runs are found by filters that stand in the address and outlive a reload", async () => {
  const server = await startServer();
  await server.report("pays", { finish: { state: "completed" } });
  await server.report("breaks", { finish: { state: "failed", error: { kind: "failed", message: "no paper" } } });
  await server.do("POST", "/deploy", { flow: "waits", entry: { kind: "command", argv: ["true"] } });
  await server.do("POST", "/runs", { deployment: "waits/default", due_at: new Date(Date.now() - 3_600_000).toISOString() });
  const { page } = await openWindow(server);

  await page.goto(`${server.url}/runs`);
  await shows(page, ["waits", "breaks", "pays"]);
  await choose(page, "Failed");
  await shows(page, ["breaks"]);
  expect(new URL(page.url()).search).toBe("?state=failed");
  await choose(page, "Completed");
  await shows(page, ["breaks", "pays"]);
  expect(new URL(page.url()).search).toBe("?state=failed,completed");
  await page.reload();
  await shows(page, ["breaks", "pays"]);
  await page.getByRole("button", { name: /^State Failed, Completed/ }).waitFor();

  await choose(page, "Late");
  await shows(page, ["waits"]);
  expect(new URL(page.url()).search).toBe("?late=true");
  await page.reload();
  await shows(page, ["waits"]);
  await page.getByLabel("Name or id begins with").fill("nothing-begins-so");
  await page.getByText("No run matches").waitFor();
  await page.getByRole("button", { name: "Clear all" }).first().click();
  await shows(page, ["waits", "breaks", "pays"]);
  expect(new URL(page.url()).search).toBe("");

  // The figures of the overview lead to the same lists.
  await page.goto(`${server.url}/`);
  await page.getByRole("link", { name: /Late/ }).first().click();
  await shows(page, ["waits"]);
  expect(page.url()).toContain("late=true");
});
