// A person signs in with the printed link, runs a deployment, watches it, and cancels it.
import { expect, test } from "vitest";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";

test("whoever follows the one-time link runs a deployment, watches it live and cancels it", async () => {
  const server = await startServer({ robot: true });
  const { page } = await openWindow(server, {});

  await page.goto(server.link);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  expect(page.url()).toBe(`${server.url}/`);

  await page.getByRole("link", { name: "Deployments" }).click();
  await page.getByRole("link", { name: "long_running/default" }).click();
  await page.getByRole("heading", { name: "long_running/default" }).waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("seconds").fill("600");
  await form.getByRole("button", { name: "Run now" }).click();

  await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
  await page.getByRole("log").getByText("working for 600 s").waitFor();
  await page.locator("main").getByText("Running", { exact: true }).first().waitFor();
  expect(await page.getByRole("button", { name: "Follow" }).getAttribute("aria-pressed")).toBe("true");
  await page.getByText(/second \d+ of 600/).waitFor();
  await page.getByRole("tab", { name: "Graph" }).click();
  await page.getByLabel("Work, Running").waitFor();

  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alertdialog").getByLabel("Why (for the history)").fill("seen enough");
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.locator("main").getByText("Cancelled", { exact: true }).first().waitFor();
  await page.getByLabel("Work, Cancelled").waitFor();
  await page.getByRole("tab", { name: "Logs" }).click();
  await page.getByRole("log").getByText("cancelled: cleaning up").waitFor();
  await page.getByRole("tab", { name: "Transitions" }).click();
  await page.getByText("seen enough").first().waitFor();

  // The link works once.
  const second = await openWindow(server, { expected: [/401/] });
  await second.page.goto(server.link);
  await second.page.getByText("This link was used already").waitFor();
  // Another one that is pasted into the same tab changes only the fragment.
  const { url } = await server.do("POST", "/sign-in-links");
  await second.page.evaluate((fragment) => { location.hash = fragment; }, new URL(url).hash);
  await second.page.getByRole("heading", { name: "Overview" }).waitFor();
});
