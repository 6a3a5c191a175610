// When each task of an attempt ran, as bars over time.
import { useMemo, useRef } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChartGantt } from "lucide-react";
import type { Attempt, Run, TaskRun } from "@/api";
import { cx } from "@/lib/format";
import { gantt } from "@/lib/gantt";
import { useNow } from "@/lib/preferences";
import { fillColor, STATE_WORDS, stateColor } from "@/lib/states";
import { formatDuration } from "@/lib/time";
import { EmptyState, StateIcon, Tooltip } from "@/ui";
import { TaskDetail } from "./TaskDetail";

interface TimelineProps {
  run: Run;
  attempt: Attempt | undefined;
  tasks: readonly TaskRun[];
  picked: string | undefined;
  onPick: (key: string | undefined) => void;
}

const ROW = 30;

export function Timeline({ attempt, tasks, picked, onPick }: TimelineProps) {
  const open = Boolean(attempt && !attempt.ended_at);
  const now = useNow(open ? 500 : 0);
  const chart = useMemo(() => gantt(tasks, attempt?.started_at, attempt?.ended_at, now), [tasks, attempt?.started_at, attempt?.ended_at, now]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: chart.bars.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 20 });
  const task = tasks.find((t) => t.key === picked);
  if (tasks.length === 0)
    return <EmptyState icon={<ChartGantt size={18} />} title="No task was reported">A flow that reports its tasks (a graph, <code>@task</code> calls, or <code>runTask</code> blocks) shows here when each of them ran.</EmptyState>;
  const grid = "grid grid-cols-[minmax(110px,28%)_1fr_64px] sm:grid-cols-[220px_1fr_72px]";
  return (
    <div className="flex min-h-0 flex-1 flex-col md:flex-row">
      <div ref={scroller} className="min-h-0 min-w-0 flex-1 overflow-auto bg-surface">
        <div className={cx(grid, "sticky top-0 z-10 h-8 border-b border-line bg-surface text-2xs text-faint")}>
          <span className="self-center pl-4 text-xs sm:pl-6">Task</span>
          <div className="relative overflow-hidden">
            {chart.ticks.map((tick, i) => (
              <span key={tick.at} className="absolute top-2 whitespace-nowrap" style={{ left: `${tick.at * 100}%`, transform: i === 0 ? undefined : "translateX(-50%)", display: tick.at > 0.96 ? "none" : undefined }}>{tick.label}</span>
            ))}
          </div>
        </div>
        <ul className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const bar = chart.bars[item.index];
            if (!bar) return null;
            const color = stateColor(bar.task.state);
            const fill = fillColor(bar.task.state);
            const took = bar.seconds === null ? "not started" : formatDuration(bar.seconds);
            return (
              <li key={bar.task.key} className="absolute top-0 left-0 w-full" style={{ height: ROW, transform: `translateY(${item.start}px)` }}>
                <button type="button" aria-pressed={picked === bar.task.key} onClick={() => onPick(picked === bar.task.key ? undefined : bar.task.key)} className={cx(grid, "h-full w-full items-center text-left hover:bg-hover focus-visible:-outline-offset-2", picked === bar.task.key && "bg-selected hover:bg-selected")}>
                  <span className="flex min-w-0 items-center gap-2 pl-4 sm:pl-6">
                    <span style={{ color }} className="inline-flex shrink-0"><StateIcon state={bar.task.state} size={13} /></span>
                    <span className="truncate text-sm">{bar.task.name}</span>
                    <span className="sr-only">{STATE_WORDS[bar.task.state]}, {took}</span>
                  </span>
                  <span className="relative block h-full border-l border-line" aria-hidden>
                    {chart.ticks.slice(1).map((tick) => <span key={tick.at} className="absolute inset-y-0 w-px bg-line" style={{ left: `${tick.at * 100}%` }} />)}
                    {bar.seconds !== null && (
                      <Tooltip text={<>{bar.task.name} · {STATE_WORDS[bar.task.state]} · {took}{bar.task.tries > 1 ? ` · ${bar.task.tries} tries` : ""}</>}>
                        <span className={cx("absolute top-[9px] h-3 min-w-[3px] rounded-[3px]", bar.task.state === "running" && "hatched")} style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%`, color: "var(--surface)", backgroundColor: fill }} />
                      </Tooltip>
                    )}
                  </span>
                  <span className="pr-4 text-right text-xs text-muted" aria-hidden>{bar.seconds === null ? "–" : took}</span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
      {task && <TaskDetail task={task} onClose={() => onPick(undefined)} />}
    </div>
  );
}
