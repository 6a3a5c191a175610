// The words, the order and the derived display state of runs: the same everywhere in the dashboard.
import type { Run, State } from "@/api";

/** A state as people see it: Baton's states, and the two that are derived from facts and now. */
export type ShownState = State | "late" | "scheduled";

export const STATES: readonly State[] = [
  "pending", "queued", "dispatched", "running", "paused", "cancelling",
  "completed", "failed", "timed_out", "crashed", "cancelled",
];

export const STATE_WORDS: Record<ShownState, string> = {
  scheduled: "Scheduled",
  pending: "Pending",
  queued: "Queued",
  late: "Late",
  dispatched: "Dispatched",
  running: "Running",
  paused: "Paused",
  cancelling: "Cancelling",
  completed: "Completed",
  failed: "Failed",
  timed_out: "Timed out",
  crashed: "Crashed",
  cancelled: "Cancelled",
};

export const STATE_MEANINGS: Record<ShownState, string> = {
  scheduled: "Accepted; its time has not come",
  pending: "Accepted; not yet due, or waits for a retry time, a dependency or an approval",
  queued: "Due; waits for a robot",
  late: "Due, and has not started",
  dispatched: "Given to a robot; not started yet",
  running: "A robot executes it",
  paused: "A person paused it, or it waits for one",
  cancelling: "A cancel was asked; the robot has not confirmed it yet",
  completed: "Finished well",
  failed: "The flow said that it failed",
  timed_out: "A deadline passed",
  crashed: "Infrastructure lost it",
  cancelled: "A person or a policy ended it",
};

const TERMINAL = new Set<string>(["completed", "failed", "timed_out", "crashed", "cancelled"]);

export const isTerminal = (state: ShownState): boolean => TERMINAL.has(state);
export const isBad = (state: ShownState): boolean =>
  state === "failed" || state === "timed_out" || state === "crashed";
export const isWaiting = (state: State): boolean => state === "pending" || state === "queued";

type Facts = Pick<Run, "state" | "late" | "due_at">;

/** What a run is called now. Late is derived again from the due time, so that lists need no refetch to show it. */
export function shownState(run: Facts, now: number, lateAfterSeconds: number): ShownState {
  const due = Date.parse(run.due_at);
  if (run.state === "pending" || run.state === "queued" || run.state === "dispatched") {
    if (now - due > lateAfterSeconds * 1000) return "late";
    if (run.state === "pending" && due > now) return "scheduled";
  }
  return run.state;
}

/** The colour of a state for areas: bars, points, meters. */
export const fillColor = (state: ShownState): string => `var(--fill-${state.replace("_", "-")})`;

/** The colour of a state for words and icons. */
export const stateColor = (state: ShownState): string => `var(--state-${state.replace("_", "-")})`;
