// Facts about the pure parts behind flows, deployments and schedules.
import { describe, expect, it } from "vitest";
import type { Flow, OutcomeBucket, Schedule } from "@/api";
import { calendarStart, calendarWeeks } from "./dayCalendar";
import { changedFields, differences } from "./difference";
import { fittingFlows, folderTree, tagTree, visibleRows } from "./flowTree";
import { draftOf, freeName, newDraft, readLocal, ruleOf, settingsOf, spanOf } from "./scheduleDraft";

const flow = (name: string, folder: string, tags: string[] = []): Flow => ({ id: name, name, folder, tags, description: "", created_at: "", updated_at: "" });

describe("the tree of flows", () => {
  const flows = [flow("pay", "Finance/Payables", ["daily", "money"]), flow("tax", "Finance", ["money"]), flow("loose", "")];
  it("nests folders and counts what is below", () => {
    const root = folderTree(flows);
    expect(root.count).toBe(3);
    expect(root.children[0]).toMatchObject({ name: "Finance", count: 2, children: [{ path: "Finance/Payables", count: 1 }] });
  });
  it("shows a flow under each of its tags", () => {
    const root = tagTree(flows);
    expect(root.children.map((c) => [c.name, c.count])).toEqual([["daily", 1], ["money", 2]]);
    expect(root.flows.map((f) => f.name)).toEqual(["loose"]);
  });
  it("hides what is below a closed folder", () => {
    const rows = visibleRows(folderTree(flows), new Set(["Finance"]));
    expect(rows.map((r) => r.key)).toEqual(["g:Finance", "f::loose"]);
  });
  it("finds flows by all words in any order", () => {
    expect(fittingFlows(flows, "daily fin").map((f) => f.name)).toEqual(["pay"]);
  });
});

describe("differences", () => {
  it("names the path of what was added, removed and changed", () => {
    expect(differences({ a: 1, b: { c: [1], d: "x" } }, { b: { c: [1, 2], d: "x", e: true } })).toEqual([
      { path: "a", before: "1" },
      { path: "b.c", before: "[1]", after: "[1,2]" },
      { path: "b.e", after: "true" },
    ]);
  });
  it("sends only what was changed", () => {
    expect(changedFields({ a: 1, b: ["x"], c: null as string | null }, { a: 1, b: ["x", "y"], c: "z" })).toEqual({ b: ["x", "y"], c: "z" });
  });
});

describe("schedule drafts", () => {
  const schedule = (rule: Schedule["settings"]["rule"]): Schedule => ({
    id: "s", deployment_id: "d", deployment_name: "default", flow_id: "f", flow_name: "f", name: "main", description: "", paused: false, deployment_paused: false, over: false, created_at: "", updated_at: "",
    settings: { rule, timezone: "Europe/Berlin", jitter_seconds: 0, missed: { policy: "last", window_seconds: 86_400 }, overlap: "skip", parameters: {} },
  });
  it("come back as the rule they were read from", () => {
    const rules: Schedule["settings"]["rule"][] = [
      { frequency: "cron", expression: "*/5 * * * *" }, { frequency: "interval", every_seconds: 5400, wall_clock: false }, { frequency: "hourly", minute: 7 }, { frequency: "daily", time: "06:30" },
      { frequency: "weekly", days: ["mon", "thu"], time: "22:15" }, { frequency: "monthly", days: [1, 15, -1], time: "02:30" }, { frequency: "once", at: "2026-12-24T18:00" },
    ];
    for (const rule of rules) expect(ruleOf(draftOf(schedule(rule))).rule).toEqual(rule);
  });
  it("say what is missing instead of guessing", () => {
    expect(ruleOf({ ...newDraft("UTC"), frequency: "weekly", days: [] }).missing).toContain("weekday");
    expect(ruleOf({ ...newDraft("UTC"), frequency: "interval", every: "0" }).rule).toBeUndefined();
    expect(settingsOf({ ...newDraft("UTC"), jitter: "soon" }).missing).toContain("spread");
  });
  it("shows spans in the largest whole unit", () => {
    expect(spanOf(7200)).toEqual({ every: "2", unit: "hours" });
    expect(spanOf(90)).toEqual({ every: "90", unit: "seconds" });
  });
  it("get a name that no other schedule of the deployment has", () => {
    expect([freeName("daily", []), freeName("daily", ["daily", "daily-2"])]).toEqual(["daily", "daily-3"]);
  });
  it("reads the wall clock of another zone as it stands", () => {
    expect(readLocal("2027-03-28T03:00:00+02:00")).toEqual({ day: "Sun 28 Mar 2027", clock: "03:00", offset: "UTC+02:00" });
  });
});

describe("the calendar", () => {
  const now = Date.parse("2026-11-22T10:00:00Z"); // a Sunday
  it("begins on a Monday and ends with this week", () => {
    expect(new Date(calendarStart(now, 2)).toISOString()).toBe("2026-11-09T00:00:00.000Z");
    const weeks = calendarWeeks([{ at: "2026-11-22T00:00:00Z", completed: 3 } as OutcomeBucket], now, 2);
    expect(weeks[1]?.[6]?.bucket?.completed).toBe(3);
    expect(weeks.flat().every((d) => !d.future)).toBe(true);
  });
});
