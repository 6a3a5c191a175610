// Collects events between two paints: bounded, and reduced to what caches need; pure, so that floods can be tested.
import type { Event, RunChange } from "@/api";

/** What the events of one batch come to. */
export interface Batch {
  /** The latest change of each run. */
  runs: Map<string, RunChange & { at: string }>;
  /** Runs that were made. */
  created: number;
  /** Kinds of other things that changed: `robot`, `schedule`, `queue`, `deployment`, `flow`, … */
  kinds: Set<string>;
  /** Robots that changed. */
  robots: Set<string>;
  count: number;
  lastId: string | null;
  /** More came than is kept: whoever shows lists must ask again. */
  overflow: boolean;
}

/** Distinct runs kept between two batches; beyond it single rows matter less than asking again. */
export const MOST_RUNS = 5_000;

export const emptyBatch = (): Batch => ({
  runs: new Map(), created: 0, kinds: new Set(), robots: new Set(), count: 0, lastId: null, overflow: false,
});

export function addEvent(batch: Batch, event: Event): void {
  batch.count += 1;
  batch.lastId = event.id;
  const kind = event.kind.split(".", 1)[0] ?? event.kind;
  if (event.run) {
    const change = event.run;
    if (!change.from) batch.created += 1;
    if (change.robot_id) batch.robots.add(change.robot_id);
    if (batch.runs.size >= MOST_RUNS && !batch.runs.has(change.id)) {
      batch.overflow = true;
      return;
    }
    batch.runs.set(change.id, { ...change, at: event.at });
    batch.kinds.add("run");
    return;
  }
  // A run that was deleted has no state to show: lists ask again, as after the deletion of many.
  batch.kinds.add(event.kind === "run.deleted" ? "runs" : kind);
  if (kind === "robot") batch.robots.add(event.subject);
}

/** Between two batches at least: a change is seen within 200 ms of its commit. */
const LEAST_PAUSE = 120;
const MOST_PAUSE = 1_000;
/** Two frames pass in any case. */
const FREE = 40;

/** How long to collect events, after the batch before took so many milliseconds to be painted. */
export const pauseAfter = (took: number): number => Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, (took - FREE) * 5));
