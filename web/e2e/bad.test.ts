// Things go wrong; each has a state that says what happened and what helps.
import { expect, test } from "vitest";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";
import { until } from "./lib/wait.ts";

/** What browsers print of answers that are refused, or of a server that is away. */
const NETWORK = [/Failed to load resource/, /console: ApiError: The server cannot be reached/, /ERR_CONNECTION/, /ERR_INCOMPLETE_CHUNKED/, /ERR_EMPTY_RESPONSE/];

test("a dead server, an ended key, a deleted run and bad input each have a helpful state", async () => {
  const server = await startServer();
  await server.do("POST", "/deploy", {
    flow: "pays",
    entry: { kind: "command", argv: ["true"] },
    parameter_schema: { type: "object", properties: { month: { type: "string", description: "As YYYY-MM", pattern: "^\\d{4}-\\d{2}$" }, count: { type: "integer", minimum: 1 } }, required: ["month"] },
  });
  const run = await server.report("breaks", { lines: ["one"], finish: { state: "failed", error: { kind: "failed", message: "no paper" } } });
  const window = await openWindow(server, { key: server.key, expected: NETWORK });
  const { page } = window;

  // A server that is killed, and comes back: the page says so, and goes on by itself.
  await window.go("/runs");
  await page.evaluate(() => ((window as { sameDocument?: boolean }).sameDocument = true));
  await page.getByText("Live", { exact: true }).waitFor();
  await server.stop("SIGKILL");
  await page.getByText("Reconnecting").waitFor();
  await page.getByRole("link", { name: "Work queues" }).click();
  await page.getByText("The server does not answer").waitFor();
  await server.start();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("link", { name: "default", exact: true }).waitFor();
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await server.report("returns", {});
  await page.getByRole("row", { name: /returns/ }).waitFor();
  expect(await page.evaluate(() => (window as { sameDocument?: boolean }).sameDocument)).toBe(true);

  // A switch is turned while the server is away: it goes back, and nothing was changed.
  await server.do("POST", "/schedules", { deployment: "pays/default", name: "daily", settings: { rule: { frequency: "daily", time: "06:00" }, timezone: "UTC", parameters: { month: "2026-11" } } });
  await window.go("/deployments");
  const toggle = page.getByRole("switch", { name: "Schedules of pays/default" });
  await toggle.and(page.locator("[aria-checked=true]")).waitFor();
  await server.stop("SIGKILL");
  await toggle.click();
  await page.getByText("The server cannot be reached. Nothing was changed.").first().waitFor();
  await toggle.and(page.locator("[aria-checked=true]")).waitFor();
  await server.start();
  await page.getByText("Live", { exact: true }).waitFor();
  expect((await server.do("GET", "/deployments/pays%2Fdefault")).settings.paused).toBe(false);

  // A run that was deleted while somebody looked at it.
  await window.go(`/runs/${run}`);
  await page.getByRole("alert").getByText("no paper").waitFor();
  await server.do("DELETE", `/runs/${run}`);
  await page.reload();
  await page.getByText("This run is not here").waitFor();
  await page.getByText("It was deleted").waitFor();
  await page.getByRole("link", { name: "All runs" }).waitFor();

  // A schedule that never fires.
  await window.go("/deployments/pays%2Fdefault");
  await page.getByRole("button", { name: "Add a schedule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Cron" }).click();
  await dialog.getByLabel("Expression").fill("0 6 30 2 *");
  await dialog.getByText(/never/).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });

  // A parameter against its schema, said beside its field; nothing was made.
  await page.locator("main").getByRole("button", { name: "Run now" }).click();
  await dialog.getByLabel(/month/).fill("October");
  await dialog.getByRole("button", { name: "Run now" }).click();
  await dialog.locator("[aria-invalid]").waitFor();
  await dialog.getByText(/"October" does not match/).first().waitFor();
  await dialog.getByLabel(/count/).fill("many");
  await dialog.getByText("A whole number").waitFor();
  await dialog.getByLabel(/count/).fill("");
  // One of five megabytes: said before it is sent, and refused where it is sent all the same.
  const large = { month: "x".repeat(5_000_000) };
  await dialog.getByRole("radio", { name: "JSON" }).click();
  await dialog.getByLabel("Parameters").fill(JSON.stringify(large));
  await dialog.getByText("They come to 5.0 MB").waitFor();
  await dialog.getByRole("button", { name: "Run now" }).and(page.locator(":disabled")).waitFor();
  expect((await server.ask("POST", "/deployments/pays%2Fdefault/run", { parameters: { month: "x".repeat(1_500_000) } })).status).toBe(422);
  expect((await server.do("GET", "/runs?flow=pays")).items).toEqual([]);

  // A key that is taken back ends what was opened with it.
  const lost = await server.keyFor("operator", "lost");
  const other = await openWindow(server, { key: lost.secret, expected: NETWORK });
  await other.go("/robots");
  await server.do("DELETE", `/keys/${lost.id}`);
  await until("the end of the session", async () => {
    await other.page.reload();
    await other.settled();
    return other.page.url().includes("/sign-in");
  });
  await other.page.getByLabel("API key").fill(lost.secret);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.getByText("this key was taken back").waitFor();

  // A key whose time is over, while its page stands open.
  const short = await server.do("POST", "/keys", { name: "short", role: "viewer", expires_in_seconds: 4 });
  const brief = await openWindow(server, { key: short.secret, expected: NETWORK });
  await brief.go("/queues");
  await brief.page.getByText("Your session has ended").waitFor();
  await brief.page.getByLabel("API key").fill(short.secret);
  await brief.page.getByRole("button", { name: "Sign in" }).click();
  await brief.page.getByText(/expired/i).waitFor();
});
