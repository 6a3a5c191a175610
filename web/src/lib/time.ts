// Instants and durations as people read them; pure, so that every rule here is tested.

export type Zone = "local" | "utc" | "server";

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** `12.3s`, `4m 05s`, `2h 07m`, `3d 4h`: two units at most, without jumping widths inside a unit. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s < 0.0995) return `${Math.round(s * 1000)}ms`;
  if (s < 9.95) return `${s.toFixed(1)}s`;
  if (s < 59.5) return `${Math.round(s)}s`;
  const whole = Math.round(s);
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${pad(whole % MINUTE)}s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${pad(Math.floor((whole % HOUR) / MINUTE))}m`;
  return `${Math.floor(whole / DAY)}d ${Math.floor((whole % DAY) / HOUR)}h`;
}

/** A duration on an axis: `10s`, `5m`, `1h`. */
export const formatTick = (seconds: number): string => seconds === 0 ? "0" : formatDuration(seconds).replace(/^(\d+[dhm]) 0?0[hms]$/, "$1").replace(/\.0s$/, "s");

const pad = (n: number): string => String(n).padStart(2, "0");

/** Clocks of browser and server differ by a little: what has just happened is not shown as if it were to come. */
const AHEAD = 3;

/** `now`, `12s ago`, `in 4m`, `3h ago`, `2d ago`; beyond a month the date says more. */
export function formatRelative(at: number, now: number): string {
  const seconds = (now - at) / 1000;
  const size = Math.abs(seconds);
  const text =
    size < 1.5 * SECOND || (seconds < 0 && size < AHEAD) ? "now"
    : size < MINUTE ? `${Math.floor(size)}s`
    : size < HOUR ? `${Math.floor(size / MINUTE)}m`
    : size < DAY ? `${Math.floor(size / HOUR)}h`
    : size < 30 * DAY ? `${Math.floor(size / DAY)}d`
    : size < 365 * DAY ? `${Math.floor(size / (30 * DAY))}mo`
    : `${Math.floor(size / (365 * DAY))}y`;
  if (text === "now") return text;
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

/** How long until a relative time reads differently, in milliseconds. */
export function relativeTick(at: number, now: number): number {
  const size = Math.abs(now - at) / 1000;
  return size < MINUTE ? 1000 : size < HOUR ? 15_000 : 60_000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone ?? ""}|${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
    formats.set(key, format);
  }
  return format;
}

/** The IANA name that a choice of zone stands for; undefined is the viewer's own. */
export function zoneName(zone: Zone, server: string | undefined): string | undefined {
  return zone === "utc" ? "UTC" : zone === "server" ? server : undefined;
}

/** `2026-11-21 23:52:02.123 UTC`: sortable, unambiguous, with its zone. */
export function formatExact(at: number, zone?: string, millis = false): string {
  const parts = Object.fromEntries(
    formatter(zone, {
      year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
      hourCycle: "h23", timeZoneName: "short",
    }).formatToParts(at).map((p) => [p.type, p.value]),
  );
  const fraction = millis ? `.${String(new Date(at).getMilliseconds()).padStart(3, "0")}` : "";
  return `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}:${parts.second}${fraction} ${parts.timeZoneName}`;
}

/** `23:52:02` or with milliseconds, on the wall clock of a zone. */
export function formatClock(at: number, zone?: string, millis = false): string {
  const text = formatter(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(at);
  return millis ? `${text}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}` : text;
}

/** `21 Nov, 23:52`: short, for tables and charts. */
export function formatShort(at: number, zone?: string): string {
  return formatter(zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
}

/** Seconds between two instants, or until now while the second is open. */
export function secondsBetween(from: string | null | undefined, to: string | null | undefined, now: number): number | null {
  if (!from) return null;
  return Math.max(0, ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000);
}

/** A time on a wall clock as the server tells it: `1 Dec, 09:00 MST`. The browser's own zone data is not asked. */
export function localText(at: { local: string; offset: string; abbreviation: string }): string {
  const [, year, month, day, clock] = /^(\d+)-(\d\d)-(\d\d)T(\d\d:\d\d)/.exec(at.local) ?? [];
  if (!clock) return at.local;
  const name = new Date(Date.UTC(Number(year), Number(month) - 1, 1)).toLocaleString("en-GB", { month: "short", timeZone: "UTC" });
  return `${Number(day)} ${name}, ${clock} ${/^[+-]/.test(at.abbreviation) ? at.offset : at.abbreviation}`;
}

/** `2026-12-01 16:00Z`, or a dash. */
export const utcText = (at: string | null | undefined): string => (at ? `${at.slice(0, 10)} ${at.slice(11, 16)}Z` : "–");
