// Durations and instants read as people expect.
import { describe, expect, test } from "vitest";
import { formatDuration, formatExact, formatRelative, secondsBetween, zoneName } from "./time";

describe("durations", () => {
  test.each([
    [null, "–"], [0, "0ms"], [0.05, "50ms"], [0.1, "0.1s"], [9.94, "9.9s"], [9.96, "10s"], [59.4, "59s"], [59.6, "1m 00s"],
    [245, "4m 05s"], [3599.6, "1h 00m"], [7620, "2h 07m"], [273_600, "3d 4h"], [Number.NaN, "–"], [-3, "0ms"],
  ])("%s seconds read %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

describe("relative instants", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  test.each([[0, "now"], [2_000, "now"], [5_000, "in 5s"], [-12_000, "12s ago"], [240_000, "in 4m"], [-7_200_000, "2h ago"], [-86_400_000 * 3, "3d ago"], [86_400_000 * 400, "in 1y"]])(
    "%s ms away reads %s",
    (distance, text) => expect(formatRelative(now + distance, now)).toBe(text),
  );
});

test("an exact instant carries its zone", () => {
  const at = Date.parse("2026-03-29T00:59:59.123Z");
  expect(formatExact(at, "UTC", true)).toBe("2026-03-29 00:59:59.123 UTC");
  expect(formatExact(at + 1000, "Europe/Berlin")).toMatch(/^2026-03-29 03:00:00 (CEST|GMT\+2)$/);
});

test("the viewer's own zone is named by nothing", () => {
  expect(zoneName("local", "Europe/Berlin")).toBeUndefined();
  expect(zoneName("server", "Europe/Berlin")).toBe("Europe/Berlin");
});

test("an open duration counts until now and never below zero", () => {
  const now = Date.parse("2026-01-01T00:00:10Z");
  expect(secondsBetween("2026-01-01T00:00:00Z", null, now)).toBe(10);
  expect(secondsBetween("2026-01-01T00:00:20Z", null, now)).toBe(0);
  expect(secondsBetween(null, null, now)).toBeNull();
});
