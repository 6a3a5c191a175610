// Pure parts of charts: labels of axes, spans and steps of time ranges, zero-filled buckets.

const parts = new Map<string, Intl.DateTimeFormat>();
function part(zone: string | undefined, kind: "time" | "day" | "second"): Intl.DateTimeFormat {
  const key = `${zone ?? ""}|${kind}`;
  let format = parts.get(key);
  if (!format) {
    const options: Intl.DateTimeFormatOptions =
      kind === "day" ? { day: "numeric", month: "short" }
      : { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(kind === "second" ? { second: "2-digit" } : {}) };
    format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
    parts.set(key, format);
  }
  return format;
}

/** The label of a tick: days for long steps and at midnight, otherwise the time of day. */
export function formatChartTime(seconds: number, step: number, zone?: string): string {
  const at = seconds * 1000;
  if (step >= 86_400) return part(zone, "day").format(at);
  const clock = part(zone, step < 60 ? "second" : "time").format(at);
  return clock === "00:00" ? part(zone, "day").format(at) : clock;
}

export const RANGES = ["1h", "6h", "24h", "7d", "30d"] as const;
export type Range = (typeof RANGES)[number];

export const RANGE_SECONDS: Record<Range, number> = { "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
/** Periods per range: about sixty bars, each a length that people count in. */
export const RANGE_STEP: Record<Range, number> = { "1h": 60, "6h": 360, "24h": 1800, "7d": 10_800, "30d": 43_200 };

export const isRange = (text: unknown): text is Range => (RANGES as readonly unknown[]).includes(text);

/** The starts of all periods of a range, in seconds since the epoch: the last one holds now. */
export function periods(range: Range, nowSeconds: number): number[] {
  const step = RANGE_STEP[range];
  const last = Math.floor(nowSeconds / step) * step;
  const count = Math.round(RANGE_SECONDS[range] / step);
  return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * step);
}

/** Puts items with an instant into the periods that hold them; periods without one stay empty. */
export function bucketed<T extends { at: string }>(items: readonly T[], starts: readonly number[], step: number): (T | undefined)[] {
  const first = starts[0] ?? 0;
  const slots: (T | undefined)[] = starts.map(() => undefined);
  for (const item of items) {
    const index = Math.floor((Date.parse(item.at) / 1000 - first) / step);
    if (index >= 0 && index < slots.length) slots[index] = item;
  }
  return slots;
}

/** Points that a line shows at most: more of them are a band of noise. */
const MOST_POINTS = 160;

/** The mean of each stretch of samples, so that a long time reads as a line; the times are those of the middle ones. */
export function calmed(times: readonly number[], values: readonly number[], most = MOST_POINTS): { times: number[]; values: number[] } {
  const every = Math.ceil(times.length / most);
  if (every <= 1) return { times: [...times], values: [...values] };
  const starts = Array.from({ length: Math.ceil(times.length / every) }, (_, i) => i * every);
  return {
    times: starts.map((at) => times[Math.min(times.length - 1, at + Math.floor(every / 2))] ?? 0),
    values: starts.map((at) => {
      const part = values.slice(at, at + every);
      return part.reduce((sum, v) => sum + v, 0) / part.length;
    }),
  };
}

/** Where an axis of durations is marked: what people say. */
export const DURATION_MARKS = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800];
const DURATION_STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];
/** Marks on an axis at most, the zero apart. */
const MOST_MARKS = 5;

/** Marks of an axis from nothing to so many seconds. */
export function durationSplits(most: number): number[] {
  const step = DURATION_STEPS.find((s) => most / s <= MOST_MARKS) ?? most / MOST_MARKS;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => Math.round(i * step * 1000) / 1000);
}

/** An axis of time needs some length, also where there is a single instant. */
export const openedSpan = (span: readonly [number, number] | readonly number[]): [number, number] => {
  const [from = 0, until = 0] = span;
  return until > from ? [from, until] : [from - 60, from + 60];
};
