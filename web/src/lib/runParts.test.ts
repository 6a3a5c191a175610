// What the run page computes: colours of lines, the log of any length, phases, bars, forms, filters.
import { describe, expect, test, vi } from "vitest";
import type { LogEntry, LogQuery, Run, TaskRun } from "@/api";
import { ansiSpans, matches, plainText } from "./ansi";
import { gantt } from "./gantt";
import { fitted, NODE_WIDTH, placed } from "./graphLayout";
import { firstDue, phases } from "./latency";
import { fits, LogStore, PAGE } from "./logStore";
import { isFiltered, looksThrough, runQuery, toggled, withFilter } from "./runFilters";
import { asWritten, changedNumber, fromText, MOST_BYTES, parameterFields, tooLarge } from "./schemaForm";

describe("terminal colours", () => {
  test("a line without escapes is one span", () => expect(ansiSpans("<b>plain</b>")).toEqual([{ text: "<b>plain</b>" }]));
  test("colours begin and end where they say", () => {
    expect(ansiSpans("a\u001b[1;31mb\u001b[0mc")).toEqual([{ text: "a" }, { text: "b", bold: true, color: 1 }, { text: "c" }]);
  });
  test("256 colours and true colours become CSS", () => {
    expect(ansiSpans("\u001b[38;5;196mx\u001b[38;2;1;2;3my").map((s) => s.color)).toEqual(["rgb(255 0 0)", "rgb(1 2 3)"]);
  });
  test("links, cursor moves and bells disappear", () => {
    expect(plainText("\u001b]8;;http://x\u0007link\u001b]8;;\u0007\u001b[2K\u0007!")).toBe("link!");
  });
  test("a broken escape loses nothing after it", () => expect(plainText("\u001b[38;5mtext")).toBe("text"));
  test("matches are found without case", () => expect(matches("Error error", "ERROR")).toEqual([[0, 5], [6, 11]]));
});

describe("the log of any length", () => {
  const total = 3 * PAGE + 10;
  const line = (seq: number): LogEntry => ({ attempt: 1, seq, at: "", level: seq % 2 ? "info" : "error", stream: "stdout", message: `line ${seq}` });
  const lines = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => line(from + i));
  const fetchPage = (query: LogQuery) => {
    if (query.tail) return Promise.resolve({ items: lines(total - PAGE + 1, total) });
    const after = Number(query.cursor?.split(".")[1] ?? 0);
    return Promise.resolve({ items: lines(after + 1, Math.min(total, after + PAGE)), next: after + PAGE < total ? `1.${after + PAGE}` : undefined });
  };
  test("the end comes first and says how long the log is", async () => {
    const store = new LogStore(fetchPage, 1, {});
    await store.start();
    expect(store.count).toBe(total);
    expect(store.at(total - 1)?.seq).toBe(total);
    expect(store.at(0)).toBeUndefined();
  });
  test("a page that is looked at is fetched once", async () => {
    const spy = vi.fn(fetchPage);
    const store = new LogStore(spy, 1, {});
    await store.start();
    const there = new Promise<void>((done) => store.subscribe(() => store.at(0) && done()));
    store.ensure(0, 50);
    store.ensure(10, 60);
    await there;
    expect(store.at(999)?.seq).toBe(1000);
    expect(spy).toHaveBeenCalledTimes(2);
  });
  test("live lines grow the list and never repeat", async () => {
    const store = new LogStore(fetchPage, 1, {});
    await store.start();
    store.append([line(total), line(total + 1)]);
    expect(store.count).toBe(total + 1);
  });
  test("with a filter only fitting live lines are added", async () => {
    const store = new LogStore(() => Promise.resolve({ items: [] }), 1, { level: "error" });
    await store.start();
    store.append([line(1), line(2)]);
    expect(store.count).toBe(1);
    expect(fits(line(2), { level: "critical" })).toBe(false);
  });
});

describe("phases of a run", () => {
  const at = (s: number) => new Date(s * 1000).toISOString();
  test("a finished run has no open phase and leaves no time out", () => {
    const found = phases({ created_at: at(0), due_at: at(10), queued_at: at(11), dispatched_at: at(15), started_at: at(16), ended_at: at(60) }, 99_000);
    expect(found.map((p) => [p.name, p.to - p.from, p.open])).toEqual([["Until due", 10_000, false], ["To the queue", 1000, false], ["In the queue", 4000, false], ["Handover", 1000, false], ["Running", 44_000, false]]);
  });
  test("what came before a later attempt is not taken for waiting", () => {
    const found = phases({ attempt: 2, created_at: at(0), due_at: at(10), queued_at: at(10), dispatched_at: at(11), started_at: at(12), ended_at: at(20) }, 99_000);
    expect(found.map((p) => p.name)).toEqual(["Earlier attempts", "In the queue", "Handover", "Running"]);
  });
  test("a waiting run counts in the queue", () => {
    const found = phases({ created_at: at(0), due_at: at(0), queued_at: at(1), dispatched_at: null, started_at: null, ended_at: null } as unknown as Run, 9_000);
    expect(found.at(-1)).toMatchObject({ name: "In the queue", open: true, to: 9_000 });
  });
  test("a run that is scheduled only waits for its time", () => {
    expect(phases({ created_at: at(0), due_at: at(50) } as Run, 9_000).map((p) => p.name)).toEqual(["Until due"]);
  });
});

test("bars stand where their tasks ran, and tasks that did not start have none", () => {
  const task = (key: string, a: number | null, b: number | null) => ({ key, started_at: a === null ? null : new Date(a).toISOString(), ended_at: b === null ? null : new Date(b).toISOString() }) as TaskRun;
  const chart = gantt([task("c", null, null), task("b", 5_000, null), task("a", 0, 5_000)], new Date(0).toISOString(), null, 10_000);
  expect(chart.bars.map((b) => [b.task.key, b.left, b.width])).toEqual([["a", 0, 0.5], ["b", 0.5, 0.5], ["c", 1, 0]]);
  expect(chart.ticks[1]).toEqual({ at: 0.2, label: "2s" });
});

describe("the graph of tasks", () => {
  const chain = [{ key: "a", after: [] }, { key: "b", after: ["a"] }, { key: "c", after: ["b"] }, { key: "early", after: ["a"] }, { key: "end", after: ["c", "early", "never"] }];
  const at = (p: ReturnType<typeof placed>, key: string) => p.nodes.find((n) => n.key === key)!;
  test("what began together stands together, however much later it is needed", () => {
    const p = placed(chain);
    expect(at(p, "early").x).toBe(at(p, "b").x);
    expect(at(p, "a").x).toBeLessThan(at(p, "b").x);
    expect(at(p, "c").x).toBeLessThan(at(p, "end").x);
  });
  test("edges to tasks that are not there are left out", () => expect(placed(chain).edges.map((e) => e.id)).not.toContain("never>end"));
  test("it goes downwards only where there is no room across", () => {
    expect(fitted(chain, 2000, 600).across).toBe(true);
    expect(fitted(chain, 2.2 * NODE_WIDTH, 600).across).toBe(false);
  });
});

describe("forms from schemas", () => {
  const fields = parameterFields({ required: ["n"], $defs: { c: { enum: ["x", 1] } }, properties: { n: { type: "integer", minimum: 2 }, c: { $ref: "#/$defs/c", default: 1 }, o: { type: "object" }, s: { anyOf: [{ type: "string" }, { type: "null" }] } } });
  test("each type gets its control", () => expect(fields.map((f) => [f.name, f.kind, f.required])).toEqual([["n", "integer", true], ["c", "choice", false], ["o", "json", false], ["s", "text", false]]));
  test("what is typed wrongly is refused with a reason", () => {
    expect(fromText(fields[0]!, "1.5").error).toBe("A whole number is needed");
    expect(fromText(fields[0]!, "1").error).toBe("At least 2");
    expect(fromText(fields[0]!, "").error).toBe("It is needed");
    expect(fromText(fields[2]!, "{").error).toContain("JSON");
  });
  test("choices keep their type", () => expect(fromText(fields[1]!, "1").value).toBe(1));
});

describe("what is written stays", () => {
  test("a text that nobody describes is a value only if the same text comes back", () => {
    for (const text of ["1.10", "12e5", "100.00", "007", "+5", "0x1F", "5.0", "null", '"q"', "[1, 2]", "9007199254740993", "True"]) expect(asWritten(text)).toBe(text);
    expect(["3", "1.5", "true", "[1,2]"].map(asWritten)).toEqual([3, 1.5, true, [1, 2]]);
  });
  test("a parameter without a type keeps its text", () => {
    const [any, pattern] = parameterFields({ properties: { version: { description: "Which" }, code: { pattern: "^[0-9]+$" } } });
    expect(any && fromText(any, "1.10")).toEqual({ value: "1.10" });
    expect(pattern && fromText(pattern, "007")).toEqual({ value: "007" });
  });
  test("a number field takes what the server takes for a number", () => {
    const [n] = parameterFields({ properties: { n: { type: "integer" } } });
    for (const text of ["0x1F", "007", "+5", "1.", ".5", "9007199254740993"]) expect(n && fromText(n, text).error).toBeTruthy();
    expect(n && fromText(n, "12")).toEqual({ value: 12 });
  });
  test("a number in JSON that would arrive otherwise is named", () => {
    expect(changedNumber('{"version": 1.10}')).toContain("1.10");
    expect(changedNumber('{"version": "1.10", "n": 3, "r": -1.5}')).toBeUndefined();
    expect(changedNumber('{"version": 1.10}', true)).toBeUndefined();
    expect(changedNumber("[9007199254740993]", true)).toContain("9007199254740993");
  });
});

describe("filters in the address", () => {
  test("what is not understood is left out", () => {
    expect(runQuery({ state: "failed,nonsense", kind: "odd", after: "never", order: "ascending" }, 0)).toEqual({ state: ["failed"], order: "ascending" });
  });
  test("a relative range is cut to the minute, so that its query is the same for a minute", () => {
    const at = Date.parse("2026-01-02T00:00:30Z");
    expect(runQuery({ range: "24h" }, at).created_after).toBe("2026-01-01T00:00:00.000Z");
  });
  test("the order alone is no filter", () => expect([isFiltered({ order: "ascending" }), isFiltered({ tag: "x" })]).toEqual([false, true]));
  test("one box finds by any word, and by the beginning of an id", () => {
    expect(runQuery({ search: " PO-87158 " }, 0)).toEqual({ search: "PO-87158" });
    expect(runQuery({ search: "01A23027-553c" }, 0)).toEqual({ prefix: "01a23027-553c" });
    expect(runQuery({ search: "   " }, 0)).toEqual({});
    expect([looksThrough({ search: "x" }), looksThrough({ prefix: "x" })]).toEqual([true, false]);
  });
  test("the end of runs is asked for as it stands in the address", () => {
    expect(runQuery({ ended_after: "2026-01-01T00:00:00Z", ended_before: "2026-01-02T00:00:00Z" }, 0)).toEqual({ ended_after: "2026-01-01T00:00:00.000Z", ended_before: "2026-01-02T00:00:00.000Z" });
    expect(isFiltered({ ended_after: "2026-01-01T00:00:00Z" })).toBe(true);
  });
  test("words are added and taken out", () => {
    expect(toggled("a,b", "a")).toBe("b");
    expect(toggled("a", "a")).toBeUndefined();
    expect(withFilter({ tag: "x", flow: "y" }, "tag", undefined)).toEqual({ flow: "y" });
  });
});

test("parameters that the server would refuse for their size are told so before", () => {
  expect(tooLarge({ a: "x".repeat(1000) })).toBeUndefined();
  expect(tooLarge({ a: "ä".repeat(MOST_BYTES / 2) })).toMatch(/1\.0 MB/);
  expect(tooLarge({ a: "x".repeat(5_000_000) })).toMatch(/5\.0 MB/);
});

describe("the first due time of a run that was tried again", () => {
  const event = (name: string, attempt: number, at: string) => ({ event: name, attempt, at });
  test("is when its time came first, not when the retry was due", () => {
    expect(firstDue([event("created", 1, "08:00"), event("due", 1, "09:00"), event("retry", 2, "09:05"), event("due", 2, "09:06")])).toBe("09:00");
  });
  test("is when it was made, for a run that was due at once", () => {
    expect(firstDue([event("created", 1, "08:00"), event("retry", 2, "08:05"), event("due", 2, "08:06")])).toBe("08:00");
  });
  test("is not known before its events are", () => expect(firstDue([])).toBeUndefined());
});
