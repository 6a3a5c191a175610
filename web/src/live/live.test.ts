// A flood of events becomes one bounded batch, and rows change without being fetched again.
import { expect, test } from "vitest";
import type { Event, Run } from "@/api";
import { changedPage, changedPages, changedRun } from "./apply";
import { addEvent, emptyBatch, MOST_RUNS, pauseAfter } from "./buffer";

const event = (n: number, to: "running" | "completed" = "running"): Event => ({
  id: `e${n}`, kind: `run.${to}`, at: new Date(1000 * n).toISOString(), subject: `r${n}`, actor: "x",
  run: { id: `r${n}`, from: "queued", to, attempt: 1, event: "accepted", robot_id: "b1" },
});
const run = (id: string) => ({ id, state: "dispatched", attempt: 1, changed_at: new Date(0).toISOString(), robot_id: "b0", robot_name: "old", started_at: null, ended_at: null }) as unknown as Run;

test("many changes of one run come to the last", () => {
  const batch = emptyBatch();
  addEvent(batch, event(1));
  addEvent(batch, { ...event(1, "completed"), id: "e2" });
  expect(batch.runs.size).toBe(1);
  expect(batch.runs.get("r1")?.to).toBe("completed");
  expect(batch.lastId).toBe("e2");
});

test("a flood is bounded and says so", () => {
  const batch = emptyBatch();
  for (let i = 0; i < MOST_RUNS + 10; i++) addEvent(batch, event(i));
  expect(batch.runs.size).toBe(MOST_RUNS);
  expect(batch.overflow).toBe(true);
  expect(batch.count).toBe(MOST_RUNS + 10);
});

test("a transition fills what it tells and forgets what it makes wrong", () => {
  const change = { ...event(5).run!, id: "r", at: event(5).at };
  expect(changedRun(run("r"), change)).toMatchObject({ state: "running", started_at: change.at, robot_id: "b1", robot_name: null });
});

test("an event older than the row changes nothing", () => {
  const row = { ...run("r"), changed_at: new Date(9_000).toISOString() };
  expect(changedRun(row, { ...event(5).run!, id: "r", at: event(5).at })).toBe(row);
});

test("a page without the run stays the same object, so nothing is painted", () => {
  const page = { items: [run("a")] };
  const data = { pages: [page], pageParams: [undefined] };
  const changes = new Map([["r5", { ...event(5).run!, at: event(5).at }]]);
  expect(changedPage(page, changes)).toBe(page);
  expect(changedPages(data, changes)).toBe(data);
});

test("batches that are slow to paint come less often, within bounds", () => {
  expect([16, 60, 100, 500].map(pauseAfter)).toEqual([120, 120, 300, 1_000]);
});

test("a deleted run, alone or among many, makes the lists ask again", () => {
  for (const kind of ["run.deleted", "runs.deleted"]) {
    const batch = emptyBatch();
    addEvent(batch, { id: "e1", kind, at: new Date(0).toISOString(), subject: "", actor: "x", detail: {} });
    expect([...batch.kinds]).toEqual(["runs"]);
    expect(batch.runs.size).toBe(0);
  }
});
