// Collects events between two frames: bounded, and reduced to what caches need; pure, so that floods can be tested.
import type { Event, RunChange } from "@/api";

/** What the events of one frame come to. */
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

/** Distinct runs kept between two frames; beyond it single rows matter less than asking again. */
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
  batch.kinds.add(kind);
  if (kind === "robot") batch.robots.add(event.subject);
}
