// What changed is put into a list row by row, and the list is never read again for it.
import { afterEach, expect, test, vi } from "vitest";
import type { Run } from "@/api";
import { askFor, caughtUp } from "./catchUp";

const run = (id: string, state: Run["state"] = "running", at = 0) => ({ id, state, changed_at: new Date(at).toISOString() }) as unknown as Run;
const ids = (page: { items: Run[] }) => page.items.map((r) => r.id).join("");
afterEach(() => vi.unstubAllGlobals());

test("a changed run is replaced, one that no longer fits leaves, a new one takes its place", () => {
  const page = { items: [run("e"), run("c"), run("a")] };
  const next = caughtUp(page, new Set(["c", "a", "d"]), [run("c", "paused", 1), run("d", "running", 1)], false, 100);
  expect(ids(next)).toBe("edc");
  expect(next.items[2]?.state).toBe("paused");
  expect(next.items[0]).toBe(page.items[0]);
});

test("a list that goes on takes nothing from beyond its end, and one that is full stays as long", () => {
  expect(ids(caughtUp({ items: [run("e"), run("c")], next: "x" }, new Set(["b"]), [run("b")], false, 100))).toBe("ec");
  expect(ids(caughtUp({ items: [run("e"), run("c")] }, new Set(["b"]), [run("b")], false, 100))).toBe("ecb");
  expect(ids(caughtUp({ items: [run("e"), run("c")] }, new Set(["f"]), [run("f")], false, 2))).toBe("fe");
  expect(ids(caughtUp({ items: [run("a"), run("c")] }, new Set(["b"]), [run("b")], true, 100))).toBe("abc");
});

test("a list that nothing of it concerns stays the same object, and an older answer changes nothing", () => {
  const page = { items: [run("e", "completed", 9)], next: "x" };
  expect(caughtUp(page, new Set(["b", "e"]), [run("e", "running", 5)], false, 100)).toBe(page);
});

test("only the runs that changed are asked for, under the filter of their list", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => (asked.push(url), new Response('{"items":[]}')));
  await askFor({ state: ["running"], limit: 300 }, ["a", "b"]);
  expect(asked).toEqual(["/api/v1/runs?view=slim&state=running&ids=a,b&limit=200"]);
});
