// Changes that are shown before the server has answered, and taken back when it refuses or cannot be reached.
import type { QueryClient, QueryKey } from "@tanstack/react-query";

const isObject = (value: unknown): value is Record<string, unknown> => Boolean(value) && typeof value === "object";

/** The same data with every part replaced that `change` answers otherwise: single things, lists, pages of lists. */
function within<T extends object>(data: unknown, change: (part: T) => T): unknown {
  if (Array.isArray(data)) {
    const next = data.map((part) => within(part, change));
    return next.every((part, i) => part === data[i]) ? data : next;
  }
  if (!isObject(data)) return data;
  for (const list of ["items", "pages"]) {
    if (!Array.isArray(data[list])) continue;
    const next = within(data[list], change);
    return next === data[list] ? data : { ...data, [list]: next };
  }
  return change(data as T);
}

/**
 * Shows a change in all that is kept under a key, and answers how to take back exactly that: what a newer answer
 * of the server has replaced in the meantime stays. Answers that are on their way are not waited for: they were
 * asked before the change and would paint over it.
 */
export async function showAtOnce<T extends object>(client: QueryClient, queryKey: QueryKey, change: (part: T) => T): Promise<() => void> {
  await client.cancelQueries({ queryKey });
  // The cache keeps copies, so what was shown is known again by what it says.
  const before = new Map<string, T>();
  const shown = (part: T): T => {
    const next = change(part);
    if (next !== part) before.set(JSON.stringify(next), part);
    return next;
  };
  client.setQueriesData({ queryKey }, (data: unknown) => data && within(data, shown));
  return () => client.setQueriesData({ queryKey }, (data: unknown) => data && within(data, (part: T) => before.get(JSON.stringify(part)) ?? part));
}
