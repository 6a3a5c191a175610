// The small pure parts: states, search parameters, palette, charts, numbers.
import { describe, expect, test } from "vitest";
import { queryString } from "@/api/http";
import { wireFilter } from "@/api/calls";
import { bucketed, calmed, formatChartTime, periods } from "./chart";
import { formatBytes, formatCount, formatPercent, formatRate } from "./format";
import { rank, score } from "./palette";
import { may } from "./roles";
import { parseSearch, stringifySearch } from "./search";
import { shownState } from "./states";

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

describe("the state that is shown", () => {
  const run = (state: "pending" | "queued" | "dispatched" | "running", due: number) => ({ state, late: false, due_at: at(due) });
  test("a run that waits past its due time is late", () => expect(shownState(run("queued", 100), 116_000, 15)).toBe("late"));
  test("exactly the allowed wait is not late", () => expect(shownState(run("queued", 100), 115_000, 15)).toBe("queued"));
  test("a run whose time has not come is scheduled", () => expect(shownState(run("pending", 200), 100_000, 15)).toBe("scheduled"));
  test("a running run is never late", () => expect(shownState(run("running", 0), 999_000, 15)).toBe("running"));
});

test("search parameters survive a round trip in plain words", () => {
  const search = { state: "failed,crashed", flow: "a/b", text: "ä & b", none: undefined };
  expect(stringifySearch(search)).toBe("?state=failed,crashed&flow=a/b&text=%C3%A4+%26+b");
  expect(parseSearch(stringifySearch(search))).toEqual({ state: "failed,crashed", flow: "a/b", text: "ä & b" });
});

test("a query leaves out what is empty and joins lists with commas", () => {
  expect(queryString({ state: ["failed", "crashed"], late: false, flow: "", limit: 0, tag: undefined })).toBe("?state=failed,crashed&limit=0");
});

test("a filter in a body has no cursor and speaks comma lists", () => {
  expect(wireFilter({ state: ["failed"], cursor: "x", limit: 5, flow: "f" })).toEqual({ state: "failed", flow: "f" });
});

describe("the palette", () => {
  test("the beginning beats a word's beginning beats the middle beats scattered letters", () => {
    const names = ["my kpis", "skpi", "kpi-dashboard", "k-p-x-i"];
    expect(rank(names.map((name) => ({ name })), "kpi").map((e) => e.name)).toEqual(["kpi-dashboard", "my kpis", "skpi", "k-p-x-i"]);
  });
  test("what does not contain the letters does not fit", () => expect(score("robots", "xyz")).toBe(0));
});

describe("charts", () => {
  test("many samples become the mean of each stretch, few stay what they are", () => {
    expect(calmed([0, 10, 20, 30, 40], [1, 3, 5, 7, 9], 3)).toEqual({ times: [10, 30, 40], values: [2, 6, 9] });
    expect(calmed([0, 10], [1, 3], 3)).toEqual({ times: [0, 10], values: [1, 3] });
  });
  test("the last period holds now", () => {
    const starts = periods("1h", 3_661);
    expect(starts).toHaveLength(60);
    expect(starts.at(-1)).toBe(3_660);
  });
  test("items land in their period and strangers in none", () => {
    const items = [{ at: at(60) }, { at: at(119) }, { at: at(500) }, { at: at(0) }];
    expect(bucketed(items, [60, 120, 180], 60)).toEqual([{ at: at(119) }, undefined, undefined]);
  });
  test("midnight is written as a day", () => {
    expect(formatChartTime(1_700_006_400, 3600, "UTC")).toBe("15 Nov");
    expect(formatChartTime(1_700_010_000, 3600, "UTC")).toBe("01:00");
  });
});

test("numbers are short and honest", () => {
  expect([formatRate([]), formatRate([0, 0]), formatRate([0, 0.01]), formatRate([0.05]), formatRate([4])]).toEqual(["–", "0/h", "18/h", "3.0/min", "240/min"]);
  expect([formatCount(1234), formatCount(1_200_000)]).toEqual(["1,234", "1.2M"]);
  expect([formatBytes(999), formatBytes(48_211), formatBytes(5_000_000)]).toEqual(["999 B", "48.2 kB", "5.0 MB"]);
  expect([formatPercent(100), formatPercent(99.94), formatPercent(0)]).toEqual(["100%", "99.9%", "0%"]);
});

test("a viewer only reads, an operator runs, a developer deploys, an admin administers", () => {
  expect(["read", "run", "deploy", "administer"].map((p) => may("viewer", p as "read"))).toEqual([true, false, false, false]);
  expect(["operate", "deploy"].map((p) => may("operator", p as "read"))).toEqual([true, false]);
  expect(["deploy", "administer"].map((p) => may("developer", p as "read"))).toEqual([true, false]);
  expect(may("admin", "administer")).toBe(true);
});
