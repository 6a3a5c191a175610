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
  await page.getByLabel("Search runs: name, id, flow, label, tag, parameter, error").fill("nothing-begins-so");
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

test("one box finds runs by name, flow, parameter and error, and takes what is typed as it is", async () => {
  const server = await startServer();
  await server.report("pays", { parameters: { order: "PO-87158" }, finish: { state: "completed" } });
  await server.report("breaks", { finish: { state: "failed", error: { kind: "failed", message: "the tray <b>is</b> empty & dark" } } });
  const id = await server.report("waits", { tags: ["nightly"], finish: { state: "completed" } });
  const { page } = await openWindow(server);

  await page.goto(`${server.url}/runs`);
  await shows(page, ["waits", "breaks", "pays"]);
  const box = page.getByRole("searchbox", { name: /^Search runs/ });
  for (const [text, flows] of [["po-87158", ["pays"]], ["<b>IS</b> empty &", ["breaks"]], ["nightly", ["waits"]], ["break", ["breaks"]], [id.slice(0, 23), ["waits"]]] as const) {
    await box.fill(text);
    await shows(page, [...flows]);
  }
  await box.fill("po-87158");
  await expect.poll(() => new URL(page.url()).searchParams.get("search")).toBe("po-87158");
  await page.reload();
  await shows(page, ["pays"]);
  expect(await box.inputValue()).toBe("po-87158");
  await box.fill("nobody wrote this");
  await page.getByText("No run matches").waitFor();
});

test("a tile of the overview counts what its list shows, however long ago the runs were made", async () => {
  const server = await startServer();
  const old = await server.report("pays");
  // The list of what was made in this time would not have the first one.
  const after = (await server.do("GET", `/runs/${old}`)).created_at as string;
  await expect.poll(() => Date.now() - Date.parse(after), { timeout: 10_000 }).toBeGreaterThan(50);
  await server.do("POST", `/runs/${old}/report/finish`, { state: "completed" });
  await server.report("breaks", { finish: { state: "failed", error: { kind: "failed", message: "no paper" } } });
  const { page } = await openWindow(server);
  await page.goto(`${server.url}/`);
  const tile = page.getByRole("region", { name: /^Runs ended/ }).getByRole("link", { name: /Completed/ });
  await tile.getByText("1", { exact: true }).waitFor();
  await tile.click();
  await shows(page, ["pays"]);
  expect(new URL(page.url()).searchParams.get("ended_after")).toMatch(/Z$/);
  expect(new URL(page.url()).searchParams.has("range")).toBe(false);
  await page.getByRole("button", { name: /^Ended since/ }).waitFor();
  await page.getByRole("button", { name: "Clear ended" }).click();
  await shows(page, ["pays"]);
});
