// How the end-to-end tests are run: two at a time, against the executable in $BATON, in one Chromium.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  cacheDir: fileURLToPath(new URL("../node_modules/.vite-e2e", import.meta.url)),
  test: {
    include: ["*.test.ts"],
    globalSetup: ["./lib/chromium.ts"],
    pool: "forks",
    // Each journey has a server of its own; more of them at once only make a small machine slow.
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    // As for the Rust tests (.ci/nextest.toml): tried once more where nobody watches, and named as such.
    retry: process.env.CI ? 1 : 0,
    reporters: ["verbose"],
  },
});
