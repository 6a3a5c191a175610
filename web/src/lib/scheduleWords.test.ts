// A schedule's words and its zone are shown on lines of their own.
import { expect, test } from "vitest";
import { withoutZone } from "./scheduleWords";

test("the zone at the end of the words is told apart, and nothing else is", () => {
  expect(withoutZone("Every hour from 07:15 to 18:15 on weekdays, Europe/Berlin")).toEqual({ words: "Every hour from 07:15 to 18:15 on weekdays", zone: "Europe/Berlin" });
  expect(withoutZone("At 06:00 every day, America/Argentina/Buenos_Aires")).toEqual({ words: "At 06:00 every day", zone: "America/Argentina/Buenos_Aires" });
  expect(withoutZone("Every 4 hours, UTC")).toEqual({ words: "Every 4 hours", zone: "UTC" });
  expect(withoutZone("Every 15 minutes")).toEqual({ words: "Every 15 minutes" });
});
