// A person makes a cron schedule in the editor and sees it fire.
import { expect, test } from "vitest";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";

test("a cron schedule made in the editor shows its next times and fires", async () => {
  const server = await startServer({ robot: true });
  const { page } = await openWindow(server, { key: server.key, expected: [/422 .*schedules\/preview/] });
  // `baton up` has run an example already.
  const before = (await server.do("GET", "/runs?limit=1")).items[0].name as string;

  await page.goto(`${server.url}/deployments/${encodeURIComponent("invoice_report/default")}`);
  await page.getByText("It runs only when asked").waitFor();
  await page.getByRole("button", { name: "Add a schedule" }).click();
  const editor = page.getByRole("dialog");
  await editor.getByRole("radio", { name: "Cron" }).click();

  // What is wrong with an expression is said beside it, and cannot be saved.
  const expression = editor.getByLabel("Expression");
  await expression.fill("61 * * * *");
  const make = editor.getByRole("button", { name: "Make the schedule" });
  await editor.locator("[aria-invalid]").waitFor();
  await make.and(page.locator(":disabled")).waitFor();

  await expression.fill("*/2 * * * * *");
  await editor.getByText("Every 2 seconds").waitFor();
  expect(await editor.getByRole("table").getByRole("row").count()).toBe(11);
  await make.click();

  const schedules = page.locator("section", { hasText: "Schedules" }).last();
  await schedules.getByText("Every 2 seconds").waitFor();
  const runs = page.getByRole("link", { name: /^[a-z]+-[a-z]+-[0-9a-f]+$/ });
  const fired = runs.filter({ hasNotText: before }).first();
  await fired.waitFor();
  await page.getByRole("switch", { name: "Schedule cron" }).click();
  await page.getByText("paused", { exact: true }).waitFor();

  await fired.click();
  await page.getByText("Completed", { exact: true }).first().waitFor();
  await page.getByRole("definition").getByText("Schedule", { exact: true }).waitFor();
});
