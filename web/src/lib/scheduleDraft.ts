// A schedule while it is edited: every kind of rule keeps what was typed, and comes to settings; pure.
import type { JsonObject, MissedPolicy, Overlap, Priority, Rule, Schedule, ScheduleInput } from "@/api";

export type Frequency = Rule["frequency"];
export type Unit = "seconds" | "minutes" | "hours" | "days";

export const UNIT_SECONDS: Record<Unit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const WEEKDAY_NAMES: Record<string, string> = { mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun" };

export interface ScheduleDraft {
  name: string;
  frequency: Frequency;
  expression: string;
  every: string;
  unit: Unit;
  anchor: string | null;
  /** Days are counted by the calendar. */
  wallClock: boolean;
  minute: string;
  time: string;
  days: string[];
  monthDays: number[];
  at: string;
  timezone: string;
  startsAt: string | null;
  endsAt: string | null;
  jitter: string;
  missed: MissedPolicy;
  windowSeconds: number;
  overlap: Overlap;
  parameters: JsonObject;
  priority: Priority | null;
  robotId: string | null;
}

export function newDraft(timezone: string): ScheduleDraft {
  return {
    name: "", frequency: "daily", expression: "0 9 * * MON-FRI", every: "15", unit: "minutes", anchor: null, wallClock: false, minute: "0", time: "09:00",
    days: ["mon", "tue", "wed", "thu", "fri"], monthDays: [1], at: "", timezone, startsAt: null, endsAt: null, jitter: "0",
    missed: "last", windowSeconds: 86_400, overlap: "allow", parameters: {}, priority: null, robotId: null,
  };
}

/** The largest unit in which a span is a whole number. */
export function spanOf(seconds: number): { every: string; unit: Unit } {
  const unit = (["days", "hours", "minutes"] as const).find((u) => seconds % UNIT_SECONDS[u] === 0) ?? "seconds";
  return { every: String(seconds / UNIT_SECONDS[unit]), unit };
}

export function draftOf(schedule: Schedule): ScheduleDraft {
  const { settings: s } = schedule;
  const base: ScheduleDraft = {
    ...newDraft(s.timezone), name: schedule.name, frequency: s.rule.frequency, startsAt: s.starts_at ?? null, endsAt: s.ends_at ?? null, jitter: String(s.jitter_seconds),
    missed: s.missed.policy, windowSeconds: s.missed.window_seconds, overlap: s.overlap, parameters: s.parameters, priority: s.priority ?? null, robotId: s.robot_id ?? null,
  };
  const rule = s.rule;
  switch (rule.frequency) {
    case "cron": return { ...base, expression: rule.expression };
    case "interval": return { ...base, ...spanOf(rule.every_seconds), anchor: rule.anchor ?? null, wallClock: rule.wall_clock ?? false };
    case "hourly": return { ...base, minute: String(rule.minute) };
    case "daily": return { ...base, time: rule.time };
    case "weekly": return { ...base, days: rule.days.map((d) => d.slice(0, 3).toLowerCase()), time: rule.time };
    case "monthly": return { ...base, monthDays: rule.days, time: rule.time };
    case "once": return { ...base, at: rule.at.slice(0, 16) };
  }
}

const whole = (text: string, least: number, most: number): number | null => {
  const n = Number(text);
  return text.trim() !== "" && Number.isInteger(n) && n >= least && n <= most ? n : null;
};

/** What the draft comes to, or the one thing that is still missing, in words. */
export function ruleOf(draft: ScheduleDraft): { rule?: Rule; missing?: string } {
  switch (draft.frequency) {
    case "cron":
      return draft.expression.trim() ? { rule: { frequency: "cron", expression: draft.expression.trim() } } : { missing: "Type a cron expression, such as 0 9 * * MON-FRI" };
    case "interval": {
      const every = whole(draft.every, 1, 1_000_000);
      return every ? { rule: { frequency: "interval", every_seconds: every * UNIT_SECONDS[draft.unit], ...(draft.anchor ? { anchor: draft.anchor } : {}), wall_clock: draft.wallClock && draft.unit === "days" } } : { missing: "Say every how many, as a whole number from 1" };
    }
    case "hourly": {
      const minute = whole(draft.minute, 0, 59);
      return minute === null ? { missing: "Choose a minute from 0 to 59" } : { rule: { frequency: "hourly", minute } };
    }
    case "daily": return draft.time ? { rule: { frequency: "daily", time: draft.time } } : { missing: "Choose a time of day" };
    case "weekly":
      if (draft.days.length === 0) return { missing: "Choose at least one weekday" };
      return draft.time ? { rule: { frequency: "weekly", days: WEEKDAYS.filter((d) => draft.days.includes(d)), time: draft.time } } : { missing: "Choose a time of day" };
    case "monthly":
      if (draft.monthDays.length === 0) return { missing: "Choose at least one day of the month" };
      return draft.time ? { rule: { frequency: "monthly", days: [...draft.monthDays].sort((a, b) => (a < 0 ? 99 : a) - (b < 0 ? 99 : b)), time: draft.time } } : { missing: "Choose a time of day" };
    case "once": return draft.at ? { rule: { frequency: "once", at: draft.at } } : { missing: "Choose a date and a time" };
  }
}

/** The whole draft as the server takes it, for preview, create and update alike. */
export function settingsOf(draft: ScheduleDraft): { settings?: ScheduleInput; missing?: string } {
  const { rule, missing } = ruleOf(draft);
  if (!rule) return { missing };
  const jitter = whole(draft.jitter || "0", 0, 1_000_000);
  if (jitter === null) return { missing: "The spread is a whole number of seconds" };
  return {
    settings: {
      rule, timezone: draft.timezone, starts_at: draft.startsAt, ends_at: draft.endsAt, jitter_seconds: jitter,
      missed: { policy: draft.missed, window_seconds: draft.windowSeconds }, overlap: draft.overlap, parameters: draft.parameters, priority: draft.priority, robot_id: draft.robotId,
    },
  };
}

/** A name that is still free: `daily`, then `daily-2`, and so on. */
export function freeName(wanted: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!taken.includes(name)) return name;
  }
}

const two = (n: number): string => String(n).padStart(2, "0");

/** An instant as `datetime-local` inputs want it, on the viewer's own clock. */
export function toLocalInput(at: string | null | undefined): string {
  if (!at) return "";
  const d = new Date(at);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

export const fromLocalInput = (text: string): string | null => (text ? new Date(text).toISOString() : null);

/** `Fri 27 Mar 2027, 02:30` and `UTC+01:00` from a local time with its offset, without turning it into an instant. */
export function readLocal(local: string): { day: string; clock: string; offset: string } {
  const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2})(?::(\d{2}))?[\d.]*(Z|[+-]\d{2}:\d{2})?/.exec(local);
  if (!match) return { day: local, clock: "", offset: "" };
  const [, year, month, date, clock, seconds, offset] = match;
  const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(Date.UTC(Number(year), Number(month) - 1, Number(date)));
  return { day: `${day} ${year}`, clock: seconds && seconds !== "00" ? `${clock}:${seconds}` : (clock ?? ""), offset: !offset || offset === "Z" ? "UTC" : `UTC${offset}` };
}
