// A browser window of its own for one person, watched: what goes wrong in it fails the journey.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page, type Request } from "playwright-core";
import { expect, inject, onTestFinished } from "vitest";
import type { Server } from "./server.ts";
import { PATIENCE_MS, until } from "./wait.ts";

let shared: Promise<Browser> | undefined;
const browser = (): Promise<Browser> => (shared ??= chromium.connect(inject("browser")));

/** Nothing was asked for this long: the page has all that it wants. */
const QUIET_MS = 300;

/** A request of a page to the API. */
export interface Asked {
  method: string;
  path: string;
  from: string;
}

export class Watched {
  /** What must not be: dialogs, errors on the console, refused content, requests to elsewhere. */
  readonly problems: string[] = [];
  /** What the page asked of the API, streams aside. */
  asked: Asked[] = [];
  private open = 0;
  private last = 0;

  constructor(readonly page: Page, readonly server: Server, expected: RegExp[]) {
    const bad = (what: string) => {
      if (!expected.some((e) => e.test(what))) this.problems.push(`${page.url()}: ${what}`);
    };
    page.on("dialog", (dialog) => {
      bad(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => message.type() === "error" && bad(`console: ${message.text()} ${message.location().url}`));
    page.on("pageerror", (error) => bad(`uncaught: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== server.url && /^(https?|wss?):$/.test(url.protocol)) bad(`request to ${url.origin}`);
      if (!this.counts(request)) return;
      this.open += 1;
      this.last = Date.now();
      if (!url.pathname.startsWith("/api/")) return;
      this.asked.push({ method: request.method(), path: url.pathname.slice("/api/v1".length) + url.search, from: page.url() });
    });
    const done = (request: Request) => {
      if (!this.counts(request)) return;
      this.open -= 1;
      this.last = Date.now();
    };
    page.on("requestfinished", done);
    page.on("requestfailed", done);
  }

  /** What the page still waits for: answers, and the parts of the dashboard that ask for more once they are there. */
  private counts = (request: Request): boolean => request.resourceType() !== "eventsource" && request.url().startsWith(`${this.server.url}/`);

  /** Goes to an address of the dashboard by loading it whole. */
  async go(path: string): Promise<void> {
    await this.page.goto(this.server.url + path, { waitUntil: "load" });
    await this.settled();
  }

  /** Waits until the page has its heading, nothing loads any more, and nothing more is asked. */
  async settled(): Promise<void> {
    await this.page.waitForFunction(() => document.querySelector("h1") && !document.querySelector("[aria-busy=true],[aria-label=Loading]"));
    await until("a quiet page", () => this.open <= 0 && Date.now() - this.last > QUIET_MS);
  }

  /** What the page shows as text, a person's view. */
  text = (): Promise<string> => this.page.locator("body").innerText();
}

/** What a failed journey saw last, for whoever mends it. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = fileURLToPath(new URL("../../../target/e2e/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}${name.replaceAll(/\W+/g, "-").slice(0, 60)}.png` }).catch(() => undefined);
}

export interface Who {
  /** Signs in with this key; with none, nobody is signed in. */
  key?: string;
  width?: number;
  /** Problems that belong to the journey. */
  expected?: RegExp[];
  context?: BrowserContextOptions;
}

/** A window that watches over itself until the test ends. */
export async function openWindow(server: Server, who: Who = { key: server.key }): Promise<Watched> {
  const context = await (await browser()).newContext({
    viewport: { width: who.width ?? 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
    ...who.context,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => console.error(`refused by the content security policy: ${e.violatedDirective} ${e.blockedURI}`));
  });
  const watched = new Watched(await context.newPage(), server, who.expected ?? []);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === "fail") await picture(watched.page, task.name);
    await context.close();
    expect(watched.problems).toEqual([]);
  });
  if (who.key) {
    const answer = await context.request.post(`${server.url}/api/v1/sessions`, { data: { key: who.key } });
    expect(answer.status()).toBe(201);
  }
  return watched;
}
