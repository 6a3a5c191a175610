// The time that a page shows: the last so many hours, or from here to there, as it stands in the address; pure.
import { isRange, periods, RANGE_SECONDS, RANGE_STEP, type Range } from "./chart";
import type { Search } from "./search";
import { formatShort } from "./time";

export interface Span {
  /** Set when the span ends now and moves with it. */
  range?: Range;
  /** Seconds since the epoch. */
  from: number;
  until: number;
  /** Length of a period in seconds, and the start of each. */
  step: number;
  starts: number[];
}

/** Lengths of periods that people count in; each a multiple of the minute in which the server counts. */
const STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
/** Bars that a chart shows at most. */
const MOST_PERIODS = 64;
/** Where the address names one end only. */
const DAY = 86_400;

const seconds = (text: string | undefined): number | null => {
  const at = text ? Date.parse(text) : Number.NaN;
  return Number.isFinite(at) ? Math.floor(at / 1000) : null;
};

export function spanBetween(from: number, until: number): Span {
  const step = STEPS.find((s) => (until - from) / s <= MOST_PERIODS) ?? 2_592_000;
  const first = Math.floor(from / step) * step;
  return { from, until, step, starts: Array.from({ length: Math.max(1, Math.ceil((until - first) / step)) }, (_, i) => first + i * step) };
}

/** `now` in milliseconds, best on a full minute, so that what is asked does not change with every paint. */
export function spanOf(search: Search, now: number, usual: Range = "24h"): Span {
  const nowSeconds = Math.floor(now / 1000);
  const [after, before] = [seconds(search.after), seconds(search.before)];
  if (!isRange(search.range) && (after !== null || before !== null)) {
    const until = before ?? Math.max(nowSeconds, (after ?? 0) + 60);
    const from = after ?? until - DAY;
    if (from < until) return spanBetween(from, until);
  }
  const range = isRange(search.range) ? search.range : usual;
  const starts = periods(range, nowSeconds);
  return { range, from: starts[0] ?? nowSeconds - RANGE_SECONDS[range], until: nowSeconds, step: RANGE_STEP[range], starts };
}

/** The ends of a span for a query; one that moves has no end. */
export const askedFor = (span: Span): { from: string; until?: string } => ({
  from: new Date(span.from * 1000).toISOString(),
  ...(span.range ? {} : { until: new Date(span.until * 1000).toISOString() }),
});

/** The list of the runs that ended in a span, in the words of the runs page's address: as many as its tiles count. */
export const endedIn = (span: Span): Search => {
  const { from, until } = askedFor(span);
  return { ended_after: from, ...(until ? { ended_before: until } : {}) };
};

/** `in the last 24h`, `from 21 Nov, 08:00 to 22 Nov, 09:30`. */
export const spanWords = (span: Span, zone?: string): string =>
  span.range ? `in the last ${span.range}` : `from ${formatShort(span.from * 1000, zone)} to ${formatShort(span.until * 1000, zone)}`;

/** `21 Nov, 08:00 – 09:30`: short, for a button. */
export function spanLabel(from: number | null, until: number | null, zone?: string): string {
  const a = from === null ? null : formatShort(from, zone);
  const b = until === null ? null : formatShort(until, zone);
  if (a === null || b === null) return a === null ? `until ${b ?? "now"}` : `since ${a}`;
  const [dayA, dayB] = [a.split(", ")[0], b.split(", ")[0]];
  return `${a} – ${dayA === dayB ? b.split(", ")[1] : b}`;
}

/** The search with this span in place of the one before. */
export function withSpan(search: Search, span: { range?: string; after?: string; before?: string }): Search {
  const { range: _r, after: _a, before: _b, ...rest } = search;
  return { ...rest, ...span };
}

/** The finest grain of samples that keeps a chart below a few thousand points. */
export const sampleGrain = (span: Span): number => {
  const length = span.until - span.from;
  return length <= 7_200 ? 10 : length <= 3 * DAY ? 60 : 3600;
};
