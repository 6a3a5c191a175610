// Every call that the dashboard makes is an operation of the server's OpenAPI snapshot.
import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "./calls";
import { BASE } from "./http";
import { q } from "./queries";

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: unknown;
}
const document = JSON.parse(readFileSync("../crates/baton-server/openapi.json", "utf8")) as { paths: Record<string, Record<string, Operation>> };

/** The operation that answers this method and path, fixed words before placeholders. */
function operation(method: string, path: string): Operation | undefined {
  const parts = path.split("/");
  const fits = (template: string) => {
    const words = template.split("/");
    return words.length === parts.length && words.every((word, i) => word === parts[i] || (word.startsWith("{") && parts[i] === "some-thing"));
  };
  const found = Object.keys(document.paths).find((template) => fits(template) && document.paths[template]?.[method.toLowerCase()]);
  return found === undefined ? undefined : document.paths[found]?.[method.toLowerCase()];
}

afterEach(() => vi.unstubAllGlobals());

const ARGUMENTS: Partial<Record<keyof typeof api, unknown[]>> = {
  session: [],
  bulk: ["cancel", {}],
  taskRuns: ["some-thing", 1],
  nextSlots: ["some-thing", 5],
  runs: [{ limit: 1 }],
  samples: [{ metric: "throughput", subject: "x", from: "x", until: "x", grain_seconds: 60 }],
  robotLogs: ["some-thing", { after: 1, limit: 1 }],
  flows: [{ search: "x" }],
  deployments: [{ flow: "x" }],
  schedules: [{ deployment: "x" }],
  audit: [{ kinds: "key", actor: "x", subject: "x", from: "x", until: "x", limit: 1, cursor: "x" }],
  outcomes: [{ from: "x", until: "x", flow: "x" }],
  peekQueue: ["some-thing", { limit: 1, cursor: "x" }],
};

test.each(Object.keys(api) as (keyof typeof api)[])("%s is an operation of the document, with its parameters and its body", async (name) => {
  const asked: [string, RequestInit][] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push([url, init]);
    return new Response(JSON.stringify({ items: [] }));
  });
  const call = api[name] as (...words: unknown[]) => Promise<unknown>;
  await call(...(ARGUMENTS[name] ?? ["some-thing", {}]));
  expect(asked).toHaveLength(1);
  const [[url, init]] = asked as [[string, RequestInit]];
  const { pathname, searchParams } = new URL(url, "http://here");
  expect(pathname.startsWith(`${BASE}/`)).toBe(true);
  const found = operation(init.method ?? "GET", pathname);
  expect(found, `${init.method} ${pathname}`).toBeDefined();
  const known = (found?.parameters ?? []).filter((p) => p.in === "query").map((p) => p.name);
  expect(known).toEqual(expect.arrayContaining([...searchParams.keys()]));
  if (init.body !== undefined && init.body !== "{}") expect(found?.requestBody, `${name} sends a body`).toBeDefined();
});

test("a list that is needed whole is read page after page, up to a bound", async () => {
  const asked: (string | null)[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    const cursor = new URL(url, "http://here").searchParams.get("cursor");
    asked.push(cursor);
    return new Response(JSON.stringify({ items: [{ name: `after ${cursor}` }], next: asked.length < 3 ? `c${asked.length}` : undefined }));
  });
  const found = await api.robots();
  expect(asked).toEqual([null, "c1", "c2"]);
  expect(found.items.map((robot) => robot.name)).toEqual(["after null", "after c1", "after c2"]);
});

test("tables ask for slim rows, and charts for as many points as they have room for", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return new Response('{"items":[],"series":[]}', { headers: { "content-type": "application/json" } });
  });
  await api.runs({ limit: 5 });
  await api.runs({ ids: ["a"] });
  await q.samples({ metric: "throughput" }).queryFn?.({ signal: new AbortController().signal } as never);
  expect(asked.map((url) => url.slice(BASE.length))).toEqual(["/runs?view=slim&limit=5", "/runs?view=slim&ids=a", "/metrics/samples?points=240&metric=throughput"]);
});
