// Takes pictures of every page: light and dark, 1280 and 400 pixels wide.
// Usage: node scripts/screenshots.mjs [--url URL] [--out FOLDER] [--only NAME,…] [--key KEY] [--link SIGN_IN_LINK]
// Without --url it starts the fixture server of the sources.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const args = Object.fromEntries(process.argv.slice(2).flatMap((a, i, all) => (a.startsWith("--") ? [[a.slice(2), all[i + 1]]] : [])));
const here = dirname(fileURLToPath(import.meta.url));
const out = args.out ?? join(here, "../../target/screenshots");
mkdirSync(out, { recursive: true });

let vite;
let base = args.url?.replace(/\/$/, "");
if (!base) {
  const { preview } = await import("vite");
  vite = await preview({ root: join(here, ".."), preview: { port: 0, host: "127.0.0.1" }, logLevel: "warn" });
  base = `http://127.0.0.1:${vite.httpServer.address().port}`;
}

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--font-render-hinting=none"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

async function api(page, path) {
  return page.evaluate((p) => fetch(`/api/v1${p}`).then((r) => (r.ok ? r.json() : { items: [] })), path);
}

/** The pages, some of them found by what is in the store. */
async function pages(page) {
  const one = async (query) => (await api(page, `/runs?limit=1&${query}`)).items[0]?.id;
  const [running, failed, queued, done] = [await one("state=running"), await one("state=failed"), await one("late=true"), await one("state=completed")];
  const robot = (await api(page, "/robots")).items[0]?.id;
  const flow = (await api(page, "/flows")).items[0]?.id;
  const deployment = (await api(page, "/deployments")).items[0]?.id;
  return Object.entries({
    overview: "/",
    runs: "/runs",
    "runs-failed": "/runs?state=failed,crashed,timed_out",
    "run-logs": done && `/runs/${done}`,
    "run-live": running && `/runs/${running}`,
    "run-timeline": done && `/runs/${done}?tab=timeline`,
    "run-graph": done && `/runs/${done}?tab=graph`,
    "run-failed": failed && `/runs/${failed}?tab=results`,
    "run-transitions": done && `/runs/${done}?tab=transitions`,
    "run-waiting": queued && `/runs/${queued}`,
    "run-missing": "/runs/00000000-0000-7000-8000-000000000000",
    flows: "/flows",
    flow: flow && `/flows/${flow}`,
    deployments: "/deployments",
    deployment: deployment && `/deployments/${deployment}`,
    robots: "/robots",
    robot: robot && `/robots/${robot}`,
    "add-robot": "/robots/add",
    queues: "/queues",
    metrics: "/trends",
    settings: "/settings",
    "sign-in": "/sign-in",
  }).filter(([name, path]) => path && (!args.only || args.only.split(",").includes(name)));
}

const themes = (args.themes ?? "light,dark").split(",");
const widths = (args.widths ?? "1280,400").split(",").map(Number);
let failures = 0;
for (const theme of themes) {
  for (const width of widths) {
    const context = await browser.newContext({ viewport: { width, height: width < 600 ? 860 : 800 }, colorScheme: theme, deviceScaleFactor: 1, timezoneId: "Europe/Berlin", locale: "en-GB" });
    const page = await context.newPage();
    page.on("console", (m) => m.type() === "error" && !/404|401/.test(m.text()) && (failures++, console.error(`${theme} ${width} ${page.url()}: ${m.text()}`)));
    page.on("pageerror", (e) => (failures++, console.error(`${theme} ${width} ${page.url()}: ${e.message}`)));
    if (args.link) await page.goto(args.link, { waitUntil: "load" }).then(() => page.waitForTimeout(1200));
    await page.goto(`${base}/sign-in`);
    if (args.key) await page.evaluate((key) => fetch("/api/v1/sessions", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key }) }), args.key);
    for (const [name, path] of await pages(page)) {
      await page.goto(base + path, { waitUntil: "load" });
      await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector("[aria-busy=true],[aria-label=Loading]"), undefined, { timeout: 5000 }).catch(() => {});
      await page.waitForTimeout(350);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1);
      if (wide) console.error(`${name} is wider than ${width}`);
      await page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`) });
    }
    await context.close();
  }
}
await browser.close();
await vite?.close?.();
console.log(`pictures in ${out}${failures ? `, ${failures} errors on the console` : ""}`);
process.exit(0);
