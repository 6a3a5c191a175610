// Lists of runs follow events row by row: what changed is asked for by id, and the list itself is not read again.
import { api, type Collection, type Run, type RunQuery } from "@/api";

/** Runs asked for at once: as many ids as the server takes. */
export const MOST_ASKED = 200;

/** The rows of these runs that belong to a list, as they are now; those that are missing belong to it no longer. */
export async function askFor(query: RunQuery, ids: readonly string[]): Promise<Run[]> {
  const { limit: _limit, cursor: _cursor, ...filter } = query;
  return (await api.runs({ ...filter, ids: [...ids], limit: MOST_ASKED })).items;
}

/** Lists are in the order of ids, which is that of time. */
const before = (a: Run, b: Run, ascending: boolean): boolean => (ascending ? a.id < b.id : a.id > b.id);

/**
 * The list with what is true now of the runs that were asked for. A run that is new on it takes its place, unless
 * that lies beyond the end of a list of which there is more; the list grows no longer than `most`.
 */
export function caughtUp(page: Collection<Run>, asked: ReadonlySet<string>, found: readonly Run[], ascending: boolean, most: number): Collection<Run> {
  const fresh = new Map(found.map((run) => [run.id, run]));
  const kept = page.items.filter((run) => fresh.has(run.id) || !asked.has(run.id)).map((run) => newer(run, fresh.get(run.id)));
  const known = new Set(page.items.map((run) => run.id));
  const end = page.items.at(-1);
  const added = found.filter((run) => !known.has(run.id) && (!page.next || (end !== undefined && before(run, end, ascending))));
  if (added.length === 0 && kept.length === page.items.length && kept.every((run, i) => run === page.items[i])) return page;
  const items = [...kept, ...added].sort((a, b) => (before(a, b, ascending) ? -1 : 1));
  return { ...page, items: items.slice(0, most) };
}

/** An answer may be older than an event that came while it was on its way. */
const newer = (old: Run, found: Run | undefined): Run => (found && Date.parse(found.changed_at) >= Date.parse(old.changed_at) ? found : old);
