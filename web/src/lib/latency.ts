// Where the time of a run went, from acceptance to its end; pure.
import type { Run, RunEvent } from "@/api";

export interface Phase {
  name: "Earlier attempts" | "Until due" | "To the queue" | "In the queue" | "Handover" | "Running";
  /** What happened in it. */
  meaning: string;
  from: number;
  to: number;
  open: boolean;
}

type Facts = Pick<Run, "created_at" | "due_at" | "queued_at" | "dispatched_at" | "started_at" | "ended_at"> & { attempt?: number };

/** The phases that have begun, in order; the last one is open while the run is not over. */
export function phases(run: Facts, now: number): Phase[] {
  const time = (at: string | null | undefined) => (at ? Date.parse(at) : null);
  const end = time(run.ended_at);
  const created = Date.parse(run.created_at);
  const due = Math.max(created, Date.parse(run.due_at));
  const marks: [Phase["name"], string, number | null][] = [
    (run.attempt ?? 1) > 1
      ? ["Earlier attempts", "The attempts before this one, and the waits between them", due > created ? created : null]
      : ["Until due", "Accepted; its time had not come", due > created ? created : null],
    ["To the queue", "Due; until it was put into its work queue", due <= (end ?? now) ? due : null],
    ["In the queue", "Until a robot was chosen: limits, slots, order", time(run.queued_at)],
    ["Handover", "Assigned; until the robot accepted and was told to start", time(run.dispatched_at)],
    ["Running", "From start to result", time(run.started_at)],
  ];
  const begun = marks.filter((m): m is [Phase["name"], string, number] => m[2] !== null);
  return begun
    .map(([name, meaning, from], i): Phase => {
      const next = begun[i + 1]?.[2];
      const to = next ?? end ?? now;
      return { name, meaning, from, to: Math.max(from, to), open: next === undefined && end === null };
    })
    .filter((p) => p.open || p.to > p.from || p.name === "Running");
}

/** When a run was due for its first attempt: the run itself knows the due time of its latest one only. */
export function firstDue(events: readonly Pick<RunEvent, "event" | "attempt" | "at">[]): string | undefined {
  const first = events[0];
  return (events.find((e) => e.event === "due" && e.attempt <= (first?.attempt ?? 1)) ?? first)?.at;
}
