// Somebody stores markup, scripts and terminal codes wherever Baton stores a string.
import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { openWindow } from "./lib/browser.ts";
import { startServer } from "./lib/server.ts";
import { fill, places, plain, type Word } from "./lib/world.ts";

/** What is stored: markup that names itself, and does something where it is taken for more than text. */
const hostile = (what: string) => `"'><img src=x onerror=top.pwned=1 data-xss="${what}">{{7*7}}<script>top.pwned=1<\u002fscript>`;
/** The same without what names may not hold. */
const asName = (what: string) => `<img src=x onerror=top.pwned=1 data-xss="${what}">`;
const NAMES = new Set(["flow", "deployed-flow", "deployment", "queue", "schedule", "robot", "robot-label", "robot-capability", "file-name", "flow-folder", "key", "computer", "flow-tag", "run-tag", "deployment-tag", "waiting-tag", "needed-label", "limit-tag"]);
/** Stored strings that no page shows: they only reach processes, files and robots. */
const UNSEEN = new Set(["entry-environment", "file-text", "file-html", "schema-default", "schedule-parameter"]);

async function intruded(page: Page): Promise<string[]> {
  return page.evaluate(() => [
    ...[...document.querySelectorAll("[data-xss]")].map((e) => e.outerHTML),
    ...((window as { pwned?: number }).pwned ? ["a script ran"] : []),
    ...(document.title === "pwned" ? ["the title was changed"] : []),
    ...[...document.querySelectorAll("a[href]")].map((a) => a.getAttribute("href") ?? "").filter((href) => /^\s*(javascript|data|vbscript):/i.test(href)),
  ]);
}

test("markup in every stored string is shown as text on every page", async () => {
  const server = await startServer();
  const stored = new Set<string>();
  const word: Word = (what) => {
    stored.add(what);
    return NAMES.has(what) ? asName(what) : hostile(what);
  };
  const world = await fill(server, word);
  const seen = new Set<string>();
  const window = await openWindow(server, { key: (await server.keyFor("admin", asName("session"))).secret, expected: [/40[14]/] });
  const { page } = window;
  const look = async (where: string) => {
    expect(await intruded(page), where).toEqual([]);
    // Fields show what is in them, too.
    const values = await page.locator("input, textarea, option").evaluateAll((all) => all.map((e) => (e as HTMLInputElement).value + e.textContent).join("\n"));
    for (const [, what] of ((await page.locator("body").innerText()) + values).matchAll(/data-xss=\\?"([\w-]+)/g)) seen.add(what ?? "");
  };

  const one = encodeURIComponent(hostile("address"));
  const addresses: [string, string][] = [
    ...places(world),
    ["first task", `/runs/${world.failed}?tab=graph&node=${encodeURIComponent(word("task-key"))}`],
    ["filters", `/runs?flow=${one}&tag=${one}&prefix=${one}&search=${one}&ended_after=${one}&robot=${one}&range=${one}&state=${one}`],
    ["log search", `/runs/${world.failed}?find=${encodeURIComponent("<img")}`],
    ["unknown run", `/runs/${one}`],
    ["unknown tab", `/runs/${world.failed}?tab=${one}&attempt=${one}&line=${one}`],
  ];
  for (const [name, path] of addresses) {
    await window.go(path);
    await look(name);
  }

  const dialog = page.getByRole("dialog");
  const close = async () => {
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  };
  await window.go(`/runs/${world.failed}`);
  await page.getByRole("button", { name: "Where it happened" }).click();
  await look("stack of a run");
  await page.getByRole("button", { name: "Run again…" }).click();
  await dialog.waitFor();
  await window.settled();
  await look("run again");
  await close();
  await window.go(`/deployments/${world.deployment}`);
  for (const name of ["Run now", "Edit", "Add a schedule"]) {
    await page.locator("main").getByRole("button", { name, exact: true }).click();
    await dialog.waitFor();
    await window.settled();
    await look(name);
    await close();
  }
  await page.keyboard.press("Control+k");
  // What is typed before it is there goes to the page, and so would Escape.
  await dialog.getByRole("combobox").waitFor();
  await page.keyboard.type("<img");
  await dialog.getByRole("option").first().waitFor();
  await look("palette");
  await close();
  await page.getByRole("button", { name: "You and this browser" }).click();
  await page.getByRole("menu").waitFor();
  await look("user menu");

  // A file that a run left behind is no page of this origin, whatever is in it.
  const files = (await server.do("GET", `/runs/${world.failed}/artifacts`)).items as { url: string; name: string }[];
  expect(files).toHaveLength(3);
  for (const file of files) {
    const answer = await page.request.get(server.url + file.url);
    expect(answer.headers()["content-security-policy"], file.name).toMatch(/sandbox|default-src 'none'/);
    expect(answer.headers()["x-content-type-options"], file.name).toBe("nosniff");
  }
  // Nor does signing in lead away from it.
  await page.context().clearCookies();
  for (const to of ["javascript:top.pwned=1", "//example.invalid", "https://example.invalid/"]) {
    await page.goto(`${server.url}/sign-in?to=${encodeURIComponent(to)}`);
    await page.getByLabel("API key").fill(server.key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${server.url}/`);
    expect(await intruded(page), to).toEqual([]);
    await page.context().clearCookies();
  }
  expect([...stored].filter((what) => !seen.has(what) && !UNSEEN.has(what))).toEqual([]);
});

test("a page that a run left is looked at in a box in which no script runs and nothing is fetched", async () => {
  const server = await startServer();
  const world = await fill(server, plain);
  const hostilePage = `<!doctype html><title>report</title><h1>The report</h1><img src="/api/v1/robots" onerror="top.document.title='pwned'"><script>top.document.title="pwned"</script>`;
  const put = await fetch(`${server.url}/api/v1/runs/${world.failed}/artifacts?name=hostile.html&attempt=1&fence=0`, { method: "PUT", headers: { authorization: `Bearer ${server.key}`, "content-type": "text/html" }, body: hostilePage });
  expect(put.status).toBe(201);
  const window = await openWindow(server, { key: server.key, expected: [/Blocked script execution/, /[Cc]ontent [Ss]ecurity [Pp]olicy/] });
  const { page } = window;
  await window.go(`/runs/${world.failed}?tab=results`);
  // What is refused before it leaves the browser is a request without an answer.
  const answered: string[] = [];
  page.on("response", (response) => answered.push(new URL(response.url()).pathname.replace(/[0-9a-f-]{36}/, "…")));
  await page.getByTitle("Look at hostile.html").click();
  await page.frameLocator("iframe[sandbox='']").getByRole("heading", { name: "The report" }).waitFor();
  await window.settled();
  expect(await page.title()).not.toBe("pwned");
  expect(answered.filter((path) => path.startsWith("/api/"))).toEqual(["/api/v1/artifacts/…"]);
});
