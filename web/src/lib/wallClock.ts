// What clocks on walls show: instants as `datetime-local` inputs want them, in any zone; pure.

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string | undefined): Intl.DateTimeFormat {
  const key = zone ?? "";
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    formats.set(key, found);
  }
  return found;
}

/** `2026-11-22T08:30` on the wall clock of a zone; the viewer's own unless given. */
export function wallText(at: number, zone?: string): string {
  const parts = Object.fromEntries(format(zone).formatToParts(at).map((p) => [p.type, p.value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}

const ahead = (at: number, zone: string | undefined): number => Date.parse(`${wallText(at, zone)}Z`) - Math.floor(at / 60_000) * 60_000;

/** The instant at which a wall clock shows this; null for what is no time. A skipped hour reads as the one after it. */
export function wallInstant(text: string, zone?: string): number | null {
  const shown = Date.parse(`${text}Z`);
  if (!text || Number.isNaN(shown)) return null;
  const guess = shown - ahead(shown, zone);
  return shown - ahead(guess, zone);
}

/** Midnight of the day that holds an instant, so many days away. */
export function midnight(at: number, zone?: string, days = 0): number {
  const day = new Date(`${wallText(at, zone).slice(0, 10)}T00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return wallInstant(day.toISOString().slice(0, 16), zone) ?? at;
}
