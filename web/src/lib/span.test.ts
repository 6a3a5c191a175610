// Facts about time ranges in the address, wall clocks and the marks of axes.
import { describe, expect, it } from "vitest";
import { durationSplits, openedSpan } from "./chart";
import { askedFor, endedIn, sampleGrain, spanBetween, spanLabel, spanOf, withSpan } from "./span";
import { midnight, wallInstant, wallText } from "./wallClock";

const NOW = Date.parse("2026-11-22T10:00:00Z");

describe("the span of a page", () => {
  it("is the last day unless the address says otherwise, and moves", () => {
    const span = spanOf({}, NOW);
    expect(span.range).toBe("24h");
    expect(span.starts).toHaveLength(48);
    expect(askedFor(span).until).toBeUndefined();
  });
  it("is from here to there when the address says so, with periods that hold all of it", () => {
    const span = spanOf({ after: "2026-11-20T08:10:00Z", before: "2026-11-21T08:00:00Z" }, NOW);
    expect(span).toMatchObject({ step: 1800 });
    expect(span.range).toBeUndefined();
    expect(askedFor(span)).toEqual({ from: "2026-11-20T08:10:00.000Z", until: "2026-11-21T08:00:00.000Z" });
    expect(span.starts[0]).toBe(Date.parse("2026-11-20T08:00:00Z") / 1000);
    expect((span.starts.at(-1) ?? 0) + span.step).toBeGreaterThanOrEqual(span.until);
  });
  it("leads to the list of what ended in it, whenever that was made", () => {
    const moving = spanOf({}, NOW);
    expect(endedIn(moving)).toEqual({ ended_after: askedFor(moving).from });
    const fixed = spanOf({ after: "2026-11-20T08:10:00Z", before: "2026-11-21T08:00:00Z" }, NOW);
    expect(endedIn(fixed)).toEqual({ ended_after: "2026-11-20T08:10:00.000Z", ended_before: "2026-11-21T08:00:00.000Z" });
  });
  it("has one open end, or none", () => {
    expect(spanOf({ after: "2026-11-22T09:00:00Z" }, NOW)).toMatchObject({ until: NOW / 1000, step: 60 });
    expect(spanOf({ before: "2026-11-20T00:00:00Z" }, NOW).from).toBe(Date.parse("2026-11-19T00:00:00Z") / 1000);
  });
  it("leaves out what makes no sense", () => {
    expect(spanOf({ after: "soon" }, NOW).range).toBe("24h");
    expect(spanOf({ after: "2026-11-22T09:00:00Z", before: "2026-11-22T08:00:00Z" }, NOW).range).toBe("24h");
  });
  it("never has more periods than can be told apart", () => {
    for (const days of [0.001, 0.5, 1, 3, 7, 45, 365]) expect(spanBetween(0, days * 86_400).starts.length).toBeLessThanOrEqual(65);
  });
  it("is sampled finely when short and coarsely when long", () => {
    expect([1, 24, 24 * 30].map((hours) => sampleGrain(spanBetween(0, hours * 3600)))).toEqual([10, 60, 3600]);
  });
  it("replaces the one before it in a search and keeps the rest", () => {
    expect(withSpan({ range: "7d", by: "robot" }, { after: "x" })).toEqual({ by: "robot", after: "x" });
  });
  it("is said without saying a day twice", () => {
    const at = (text: string) => Date.parse(text);
    expect(spanLabel(at("2026-11-21T08:00Z"), at("2026-11-21T09:30Z"), "UTC")).toBe("21 Nov, 08:00 – 09:30");
    expect(spanLabel(at("2026-11-21T08:00Z"), at("2026-11-22T09:30Z"), "UTC")).toBe("21 Nov, 08:00 – 22 Nov, 09:30");
    expect(spanLabel(at("2026-11-21T08:00Z"), null, "UTC")).toBe("since 21 Nov, 08:00");
  });
});

describe("wall clocks", () => {
  it("show an instant in any zone and lead back to it", () => {
    for (const zone of ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata"]) expect(wallInstant(wallText(NOW, zone), zone)).toBe(NOW);
    expect(wallText(NOW, "Europe/Berlin")).toBe("2026-11-22T11:00");
  });
  it("know the day in which clocks change", () => {
    expect(midnight(Date.parse("2026-10-25T12:00Z"), "Europe/Berlin")).toBe(Date.parse("2026-10-24T22:00Z"));
    expect(midnight(Date.parse("2026-10-25T12:00Z"), "Europe/Berlin", 1)).toBe(Date.parse("2026-10-25T23:00Z"));
  });
  it("say so when a text is no time", () => expect(wallInstant("", "UTC")).toBeNull());
});

describe("axes", () => {
  it("mark durations where people count, at most six times", () => {
    expect(durationSplits(2_300)).toEqual([0, 600, 1200, 1800]);
    expect(durationSplits(0.35)).toEqual([0, 0.1, 0.2, 0.3]);
    for (const most of [0.002, 3, 61, 5_000, 90_000]) expect(durationSplits(most).length).toBeLessThanOrEqual(6);
  });
  it("have some length around a single instant", () => {
    expect(openedSpan([100, 100])).toEqual([40, 160]);
    expect(openedSpan([100, 200])).toEqual([100, 200]);
  });
});
