// Starts the one Chromium that all journeys share; says what to do when it, or the executable, is missing.
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the tests connect to Chromium. */
    browser: string;
    /** The `baton` under test. */
    baton: string;
  }
}

/** Nothing of its own traffic, and no sandbox: tests may run as root. */
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

function findChromium(): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = process.env.CHROMIUM ?? ["chromium", "chromium-browser", "google-chrome"].flatMap((name) => folders.map((f) => join(f, name))).find(isExecutable);
  if (!found || !isExecutable(found)) throw new Error("The end-to-end tests need Chromium: apt-get install chromium (or set CHROMIUM to an executable)");
  return found;
}

function findBaton(): string {
  const path = process.env.BATON ?? fileURLToPath(new URL("../../../target/debug/baton", import.meta.url));
  if (!isExecutable(path)) throw new Error(`There is no executable ${path}: build it with \`make quick\`, or set BATON`);
  return path;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const baton = findBaton();
  const server = await chromium.launchServer({ executablePath: findChromium(), args: FLAGS });
  project.provide("browser", server.wsEndpoint());
  project.provide("baton", baton);
  return () => server.close();
}
