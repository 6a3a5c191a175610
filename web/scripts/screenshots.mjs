// Takes pictures of every page: light and dark, 1280 and 400 pixels wide.
// Usage: node scripts/screenshots.mjs [--url URL] [--out FOLDER] [--only NAME,…] [--key KEY] [--link SIGN_IN_LINK]
// Without --url it starts the fixture server of the sources.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { everyPage, settled } from "./measuring.mjs";

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

const only = args.only?.split(",");
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
    for (const [name, path] of (await everyPage(page)).filter(([name]) => !only || only.includes(name))) {
      await page.goto(base + path, { waitUntil: "load" });
      await settled(page);
      await page.waitForTimeout(350);
      await settled(page);
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
