// The wire types in the repository are those of the server's OpenAPI snapshot.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@hey-api/openapi-ts";
import { expect, test } from "vitest";

test("the generated types are not stale: `npm run api` makes them anew", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-api-"));
  try {
    await createClient({ input: "../crates/baton-server/openapi.json", output: { path: folder }, plugins: ["@hey-api/typescript"], logs: { level: "silent" } });
    const fresh = readFileSync(join(folder, "types.gen.ts"), "utf8");
    expect(readFileSync(new URL("./generated/types.gen.ts", import.meta.url), "utf8") === fresh).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
