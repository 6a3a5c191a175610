// Measures how the dashboard feels, in a real headless Chromium: how soon pages are interactive and what they ask for,
// what they weigh on the wire, how a log of 100,000 lines scrolls, and what a minute of 2,000 events each second does
// to frames and memory.
// Usage: node scripts/measure.mjs [pages] [wire] [log] [flood] [--url URL --key KEY] [--seconds 60] [--rate 2000] [--page /runs]
// Without --url it starts the fixture server of the sources (run `npm run build` first).
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { everyPage, deepest, settled, watchFrames } from "./measuring.mjs";

const words = process.argv.slice(2);
const option = (name, usual) => (words.includes(`--${name}`) ? words[words.indexOf(`--${name}`) + 1] : usual);
const parts = ["pages", "wire", "log", "flood"].filter((p) => words.includes(p));
const wanted = parts.length ? parts : ["pages", "log", "flood"];
/** The pages that stand open all day, for what they weigh. */
const WEIGHED = "/,/runs,/trends";
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--enable-precise-memory-info"];

/** The fixture server in a process of its own, so that it takes nothing from the browser's controller. */
async function fixture(rate) {
  const child = spawn(process.execPath, [join(root, "node_modules/vite/bin/vite.js"), "preview", "--host", "127.0.0.1", "--port", "0"], { cwd: root, env: { ...process.env, BATON_URL: "", BATON_DEV_FLOOD: String(rate), BATON_DEV_STILL: rate ? "" : "1", NO_COLOR: "1" } });
  const url = await new Promise((found, lost) => {
    child.stdout.on("data", (text) => { const match = /(http:\/\/127\.0\.0\.1:\d+)/.exec(String(text)); if (match) found(match[1]); });
    child.on("exit", () => lost(new Error("the fixture server did not start")));
  });
  return { url, stop: () => child.kill() };
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

async function open(base) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on("pageerror", (e) => console.error(`error on ${page.url()}: ${e.message}`));
  const key = option("key");
  if (key) await context.request.post(`${base}/api/v1/sessions`, { data: { key }, headers: { origin: base } });
  return { context, page };
}

async function pages(base) {
  const { context, page } = await open(base);
  await page.goto(base);
  const all = await everyPage(page);
  await context.close();
  console.log("page                         interactive  requests beside the shell's");
  for (const [name, path] of all) {
    // A new context each time: nothing is cached.
    const fresh = await open(base);
    const asked = [];
    fresh.page.on("request", (r) => { const u = new URL(r.url()); if (u.pathname.startsWith("/api/v1/")) asked.push(u.pathname.slice(7)); });
    const began = performance.now();
    await fresh.page.goto(base + path, { waitUntil: "commit" });
    await settled(fresh.page);
    const took = performance.now() - began;
    await fresh.page.waitForTimeout(400);
    const own = asked.filter((p) => !/^\/(session|server\/about|metrics\/states|events)$/.test(p) && !/logs\/stream$/.test(p));
    console.log(`${name.padEnd(28)} ${String(Math.round(took)).padStart(6)} ms  ${own.length}  ${[...new Set(own.map((p) => p.replace(/[0-9a-f-]{36}/g, "…")))].join(" ")}`);
    await fresh.context.close();
  }
}

/** Bytes on the wire as the browser counts them, headers included: a first load with nothing cached, then the page left alone. */
async function wire(base, path, seconds) {
  const { context, page } = await open(base);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  const streams = new Set();
  let [bytes, requests, streamed] = [0, 0, 0];
  const about = { api: 0 };
  const addresses = new Map();
  cdp.on("Network.requestWillBeSent", (e) => addresses.set(e.requestId, e.request.url));
  cdp.on("Network.responseReceived", (e) => e.type === "EventSource" && streams.add(e.requestId));
  cdp.on("Network.dataReceived", (e) => streams.has(e.requestId) && (streamed += e.encodedDataLength || e.dataLength));
  cdp.on("Network.loadingFinished", (e) => {
    bytes += e.encodedDataLength;
    requests += 1;
    if (addresses.get(e.requestId)?.includes("/api/v1/")) about.api += e.encodedDataLength;
  });
  const kb = (n) => `${(n / 1000).toFixed(1)} kB`;
  await page.goto(base + path);
  await settled(page);
  await page.waitForTimeout(2000);
  const first = `${kb(bytes + streamed)} in ${requests} requests, ${kb(about.api)} of it from the API`;
  [bytes, requests, streamed] = [0, 0, 0];
  await page.waitForTimeout(seconds * 1000);
  console.log(`${path.padEnd(10)} first load ${first}; then in 10 s ${kb(((bytes + streamed) * 10) / seconds)}, ${((requests * 10) / seconds).toFixed(1)} requests (over ${seconds} s)`);
  await context.close();
}

async function log(base) {
  const { context, page } = await open(base);
  await page.goto(base);
  const found = await deepest(page, option("run"));
  await page.goto(`${base}/runs/${found}`);
  await page.waitForSelector("[role=log]");
  await settled(page);
  const lines = await page.locator("[role=status]").filter({ hasText: "lines" }).first().textContent();
  const box = await page.locator("[role=log]").boundingBox();
  await page.mouse.move(box.x + 300, box.y + 200);
  const stop = await watchFrames(page);
  for (let i = 0; i < 120; i++) {
    await page.mouse.wheel(0, 400);
    await page.waitForTimeout(16);
  }
  console.log(`log, ${lines?.trim()}: the wheel, 120 × 400 px: ${await stop()}`);
  const again = await watchFrames(page);
  // Dragging the scroll bar from end to end: thirty jumps, and a glance at each.
  for (let i = 0; i <= 30; i++) {
    await page.evaluate((part) => { const e = document.querySelector("[role=log]"); e.scrollTop = e.scrollHeight * part; }, i / 30);
    await page.waitForTimeout(80);
  }
  console.log(`log, ${lines?.trim()}: dragging from end to end: ${await again()}`);
  await context.close();
}

async function flood(base, path, seconds) {
  const { context, page } = await open(base);
  // Counts what the page's own stream brings.
  await page.addInitScript(() => {
    window.eventsSeen = 0;
    const Plain = window.EventSource;
    window.EventSource = class extends Plain {
      constructor(...args) {
        super(...args);
        this.addEventListener("event", () => window.eventsSeen++);
      }
    };
  });
  await page.goto(base + path);
  await settled(page);
  await page.waitForTimeout(4000);
  const seen = await page.evaluate(() => window.eventsSeen);
  const cdp = await context.newCDPSession(page);
  const memory = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    return page.evaluate(() => performance.memory.usedJSHeapSize / 1e6);
  };
  const before = await memory();
  const stop = await watchFrames(page);
  const at = [];
  for (let i = 0; i < 4; i++) {
    await page.waitForTimeout((seconds * 1000) / 4);
    at.push((await page.evaluate(() => performance.memory.usedJSHeapSize / 1e6)).toFixed(0));
  }
  const frames = await stop();
  const rate = ((await page.evaluate(() => window.eventsSeen)) - seen) / seconds;
  console.log(`flood on ${path}, ${seconds} s of ${Math.round(rate)} events/s: ${frames}; memory after collection ${before.toFixed(1)} → ${(await memory()).toFixed(1)} MB (${at.join(", ")} on the way)`);
  await context.close();
}

const own = option("url");
for (const part of wanted) {
  const server = own ? { url: own.replace(/\/$/, ""), stop: () => {} } : await fixture(part === "flood" ? Number(option("rate", "2000")) : 0);
  try {
    if (part === "pages") await pages(server.url);
    if (part === "wire") for (const path of (option("page") ?? WEIGHED).split(",")) await wire(server.url, path, Number(option("seconds", "30")));
    if (part === "log") await log(server.url);
    if (part === "flood") for (const path of (option("page") ?? "/,/runs,/queues").split(",")) await flood(server.url, path, Number(option("seconds", "60")));
  } finally {
    server.stop();
  }
}
await browser.close();
