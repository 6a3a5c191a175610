// Days in weeks, for the calendar of a history; pure.
import type { OutcomeBucket } from "@/api";

export interface Day {
  /** Midnight in UTC, in milliseconds. */
  at: number;
  bucket?: OutcomeBucket;
  /** Not yet: drawn empty. */
  future: boolean;
}

const DAY = 86_400_000;

/** The first day of the calendar: the Monday so many weeks before this one. */
export function calendarStart(now: number, weeks: number): number {
  const today = Math.floor(now / DAY);
  const sinceMonday = (today + 3) % 7;
  return (today - sinceMonday - (weeks - 1) * 7) * DAY;
}

export function calendarWeeks(buckets: readonly OutcomeBucket[], now: number, weeks: number): Day[][] {
  const start = calendarStart(now, weeks);
  const found = new Map(buckets.map((b) => [Math.floor(Date.parse(b.at) / DAY), b]));
  return Array.from({ length: weeks }, (_, w) =>
    Array.from({ length: 7 }, (_, d): Day => {
      const at = start + (w * 7 + d) * DAY;
      return { at, bucket: found.get(at / DAY), future: at > now };
    }),
  );
}

export const badOf = (b: OutcomeBucket): number => b.failed + b.timed_out + b.crashed;
export const endedOf = (b: OutcomeBucket): number => b.completed + badOf(b) + b.cancelled;
