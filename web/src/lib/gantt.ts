// Where the bars of a timeline stand, and the marks of its axis; pure.
import type { TaskRun } from "@/api";
import { formatTick } from "./time";

export interface Bar {
  task: TaskRun;
  /** Share of the width, from 0 to 1. */
  left: number;
  width: number;
  /** Seconds it took, or takes so far. */
  seconds: number | null;
}

export interface Gantt {
  bars: Bar[];
  start: number;
  seconds: number;
  ticks: { at: number; label: string }[];
}

const STEPS = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];

export function gantt(tasks: readonly TaskRun[], from: string | null | undefined, to: string | null | undefined, now: number): Gantt {
  const begun = tasks.filter((t) => t.started_at).map((t) => Date.parse(t.started_at as string));
  const start = Math.min(from ? Date.parse(from) : Number.POSITIVE_INFINITY, ...begun);
  if (!Number.isFinite(start)) return { bars: tasks.map((task) => ({ task, left: 0, width: 0, seconds: null })), start: now, seconds: 0, ticks: [] };
  const ends = tasks.filter((t) => t.ended_at).map((t) => Date.parse(t.ended_at as string));
  const open = !to;
  const end = Math.max(start + 1, to ? Date.parse(to) : 0, ...ends, open ? now : 0);
  const span = end - start;
  const bars = tasks
    .map((task): Bar => {
      if (!task.started_at) return { task, left: 1, width: 0, seconds: null };
      const a = Date.parse(task.started_at);
      const b = task.ended_at ? Date.parse(task.ended_at) : end;
      return { task, left: (a - start) / span, width: Math.max(0, (b - a) / span), seconds: (b - a) / 1000 };
    })
    .sort((x, y) => x.left - y.left || x.left + x.width - (y.left + y.width));
  const step = STEPS.find((s) => span / 1000 / s <= 8) ?? Math.ceil(span / 1000 / 8 / 86_400) * 86_400;
  const ticks = Array.from({ length: Math.floor(span / 1000 / step) + 1 }, (_, i) => ({ at: (i * step * 1000) / span, label: formatTick(i * step) }));
  return { bars, start, seconds: span / 1000, ticks };
}
