// The filters of the runs page as they stand in its address, and the query they come to; pure.
import type { Priority, RunKind, RunQuery, State } from "@/api";
import { isRange, RANGE_SECONDS } from "./chart";
import type { Search } from "./search";
import { STATES } from "./states";

/** The names that a filter may have in the address. */
export const FILTERS = ["state", "late", "flow", "deployment", "schedule", "queue", "robot", "tag", "priority", "kind", "prefix", "search", "range", "after", "before", "ended_after", "ended_before", "order"] as const;

const words = <T extends string>(text: string | undefined, allowed: readonly T[]): T[] | undefined => {
  const found = (text ?? "").split(",").filter((w): w is T => (allowed as readonly string[]).includes(w));
  return found.length ? found : undefined;
};

const instant = (text: string | undefined): string | undefined => {
  const at = text ? Date.parse(text) : Number.NaN;
  return Number.isFinite(at) ? new Date(at).toISOString() : undefined;
};

/** The first letters of an id, as they are copied from a log: names and texts do not look like this. */
const ID_BEGINS = /^[0-9a-f]{8}-[0-9a-f-]*$/i;

/** One box finds runs by their id or by any word of theirs. */
export function found(text: string | undefined): Pick<RunQuery, "prefix" | "search"> {
  const words = text?.trim();
  if (!words) return {};
  return ID_BEGINS.test(words) ? { prefix: words.toLowerCase() } : { search: words };
}

/** Whether the server looks into the runs one by one, so that a page may be short, even empty, and yet not the last. */
export const looksThrough = (query: RunQuery): boolean => Boolean(query.search ?? query.parameter ?? query.error);

/** What the address asks for; what it says wrongly is left out. `now` only matters to relative ranges. */
export function runQuery(search: Search, now: number): RunQuery {
  const range = isRange(search.range) ? new Date(Math.floor(now / 60_000) * 60_000 - RANGE_SECONDS[search.range] * 1000).toISOString() : undefined;
  const query: RunQuery = {
    state: words<State>(search.state, STATES),
    late: search.late === "true" || undefined,
    flow: search.flow,
    deployment: search.deployment,
    schedule: search.schedule,
    queue: search.queue,
    robot: search.robot,
    tag: search.tag,
    priority: words<Priority>(search.priority, ["low", "normal", "high", "critical"]),
    kind: words<RunKind>(search.kind, ["manual", "unattended"])?.[0],
    prefix: search.prefix?.trim() || undefined,
    ...found(search.search),
    created_after: range ?? instant(search.after),
    created_before: instant(search.before),
    ended_after: instant(search.ended_after),
    ended_before: instant(search.ended_before),
    order: search.order === "ascending" ? "ascending" : undefined,
  };
  return Object.fromEntries(Object.entries(query).filter(([, v]) => v !== undefined && v !== "")) as RunQuery;
}

/** Whether anything but the order is filtered. */
export const isFiltered = (search: Search): boolean => FILTERS.some((name) => name !== "order" && Boolean(search[name]));

/** A search with one filter set, or taken away. */
export function withFilter(search: Search, name: (typeof FILTERS)[number], value: string | undefined): Search {
  const { [name]: _old, ...rest } = search;
  return value ? { ...rest, [name]: value } : rest;
}

/** Adds a word to a comma list, or takes it out. */
export function toggled(list: string | undefined, word: string): string | undefined {
  const all = (list ?? "").split(",").filter(Boolean);
  const next = all.includes(word) ? all.filter((w) => w !== word) : [...all, word];
  return next.length ? next.join(",") : undefined;
}
