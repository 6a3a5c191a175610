// Writes what happened into the cached rows: pure functions on runs and pages of runs.
import type { Collection, Run, RunChange } from "@/api";
import { isTerminal } from "@/lib/states";

type Change = RunChange & { at: string };

/** A row after a transition, as far as the event tells; the next fetch brings the rest. */
export function changedRun(run: Run, change: Change): Run {
  if (Date.parse(change.at) < Date.parse(run.changed_at)) return run;
  const next: Run = { ...run, state: change.to, attempt: Math.max(run.attempt, change.attempt), changed_at: change.at };
  if (change.robot_id) {
    if (next.robot_id !== change.robot_id) next.robot_name = null;
    next.robot_id = change.robot_id;
  }
  next.retrying = next.attempt > 1;
  if (change.attempt > run.attempt) Object.assign(next, { queued_at: null, dispatched_at: null, started_at: null, ended_at: null, error: null, progress: null });
  if (change.to === "queued") next.queued_at = change.at;
  if (change.to === "dispatched") next.dispatched_at = change.at;
  if (change.to === "running" && !next.started_at) next.started_at = change.at;
  if (isTerminal(change.to)) next.ended_at = change.at;
  else if (isTerminal(run.state)) Object.assign(next, { ended_at: null, error: null });
  return next;
}

/** The same page when nothing on it changed, so that nothing is painted again. */
export function changedPage(page: Collection<Run>, changes: ReadonlyMap<string, Change>): Collection<Run> {
  let items: Run[] | null = null;
  page.items.forEach((run, i) => {
    const change = changes.get(run.id);
    if (!change) return;
    const next = changedRun(run, change);
    if (next !== run) (items ??= [...page.items])[i] = next;
  });
  return items ? { ...page, items } : page;
}

interface Pages {
  pages: Collection<Run>[];
  pageParams: unknown[];
}

export function changedPages(data: Pages, changes: ReadonlyMap<string, Change>): Pages {
  const pages = data.pages.map((page) => changedPage(page, changes));
  return pages.every((page, i) => page === data.pages[i]) ? data : { ...data, pages };
}
