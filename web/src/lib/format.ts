// Numbers, sizes and words as people read them.

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat("en");

/** `1,234` up to a hundred thousand, `1.2M` beyond. */
export const formatCount = (n: number): string => (n < 100_000 ? WHOLE.format(n) : COMPACT.format(n));

/** The mean of samples of runs per second, in the unit that people can picture. */
export function formatRate(perSecond: number[]): string {
  if (perSecond.length === 0) return "–";
  const perMinute = (perSecond.reduce((sum, one) => sum + one, 0) / perSecond.length) * 60;
  if (perMinute >= 10) return `${formatCount(Math.round(perMinute))}/min`;
  if (perMinute >= 1) return `${perMinute.toFixed(1)}/min`;
  return `${Math.round(perMinute * 60)}/h`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export const formatPercent = (value: number): string =>
  `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)}%`;

export const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${formatCount(n)} ${n === 1 ? one : many}`;

/** The tail of an id: UUIDs of version 7 begin with the time, so their end tells them apart. */
export const shortId = (id: string): string => id.slice(-8);

/** Joins class names, leaving out what is false. */
export const cx = (...names: (string | false | null | undefined)[]): string => names.filter(Boolean).join(" ");
