// When each task of an attempt ran, as bars over time.
import { useEffect, useMemo, useRef, type PointerEvent } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChartGantt } from "lucide-react";
import type { Attempt, Run, TaskRun } from "@/api";
import { cx } from "@/lib/format";
import { gantt, type Bar, type Gantt } from "@/lib/gantt";
import { useNarrow, useNow } from "@/lib/preferences";
import { fillColor, STATE_WORDS, stateColor } from "@/lib/states";
import { formatDuration, formatTick } from "@/lib/time";
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
/** On a phone the name stands above its bar, which gets the whole width. */
const NARROW_ROW = 46;

export function Timeline({ attempt, tasks, picked, onPick }: TimelineProps) {
  const open = Boolean(attempt && !attempt.ended_at);
  const now = useNow(open ? 500 : 0);
  const chart = useMemo(() => gantt(tasks, attempt?.started_at, attempt?.ended_at, now), [tasks, attempt?.started_at, attempt?.ended_at, now]);
  const scroller = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const guide = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  const row = narrow ? NARROW_ROW : ROW;
  const virtual = useVirtualizer({ count: chart.bars.length, getScrollElement: () => scroller.current, estimateSize: () => row, overscan: 20 });
  useEffect(() => virtual.measure(), [row, virtual]);
  const task = tasks.find((t) => t.key === picked);
  if (tasks.length === 0)
    return <EmptyState icon={<ChartGantt size={18} />} title="No task was reported">A flow that reports its tasks (a graph, <code>@task</code> calls, or <code>runTask</code> blocks) shows here when each of them ran.</EmptyState>;
  const move = (event: PointerEvent) => {
    const track = head.current?.getBoundingClientRect();
    const mark = guide.current;
    if (!track || !mark) return;
    const share = (event.clientX - track.left) / track.width;
    const shown = share >= 0 && share <= 1 && event.pointerType === "mouse";
    mark.style.opacity = shown ? "1" : "0";
    mark.style.transform = `translateX(${shown ? event.clientX - track.left : 0}px)`;
    if (mark.firstElementChild) mark.firstElementChild.textContent = formatTick(Math.round(share * chart.seconds * 10) / 10);
  };
  const rest = () => guide.current && (guide.current.style.opacity = "0");
  const tracks = narrow ? "grid grid-cols-1 px-4" : "grid grid-cols-[220px_1fr_80px]";
  return (
    <div className="flex min-h-0 flex-1 flex-col md:flex-row">
      <div ref={scroller} onPointerMove={move} onPointerLeave={rest} className="min-h-0 min-w-0 flex-1 overflow-auto bg-surface">
        <div className={cx(tracks, "sticky top-0 z-20 h-8 border-b border-line bg-surface text-2xs text-faint")}>
          {!narrow && <span className="self-center pl-6 text-xs">Task</span>}
          <div ref={head} className="relative">
            {chart.ticks.map((tick, i) => (
              <span key={tick.at} className="absolute top-2 whitespace-nowrap" style={{ left: `${tick.at * 100}%`, transform: i === 0 ? undefined : "translateX(-50%)", display: tick.at > 0.96 ? "none" : undefined }}>{tick.label}</span>
            ))}
            <div ref={guide} aria-hidden className="pointer-events-none absolute top-0 left-0 w-px opacity-0">
              <span className="absolute top-1.5 left-0 -translate-x-1/2 rounded-sm bg-fg px-1 font-medium whitespace-nowrap text-bg" />
              <span className="absolute top-8 left-0 w-px bg-fg/35" style={{ height: Math.max(virtual.getTotalSize(), 1) }} />
            </div>
          </div>
        </div>
        <ul className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const bar = chart.bars[item.index];
            if (!bar) return null;
            const on = picked === bar.task.key;
            return (
              <li key={bar.task.key} className="absolute top-0 left-0 w-full" style={{ height: row, transform: `translateY(${item.start}px)` }}>
                <button type="button" aria-pressed={on} onClick={() => onPick(on ? undefined : bar.task.key)} className={cx(tracks, "h-full w-full items-center text-left hover:bg-hover focus-visible:-outline-offset-2", on && "bg-selected hover:bg-selected")}>
                  <BarRow bar={bar} ticks={chart.ticks} narrow={narrow} seconds={chart.seconds} />
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

function BarRow({ bar, ticks, narrow, seconds }: { bar: Bar; ticks: Gantt["ticks"]; narrow: boolean; seconds: number }) {
  const { task } = bar;
  const took = bar.seconds === null ? "not started" : formatDuration(bar.seconds);
  const name = (
    <span className="flex min-w-0 items-center gap-2 sm:pl-6">
      <span style={{ color: stateColor(task.state) }} className="inline-flex shrink-0"><StateIcon state={task.state} size={13} /></span>
      <span className="truncate text-sm">{task.name}</span>
      <span className="sr-only">{STATE_WORDS[task.state]}, {took}</span>
      {narrow && <span className="ml-auto shrink-0 text-xs text-muted" aria-hidden>{bar.seconds === null ? "–" : took}</span>}
    </span>
  );
  return (
    <>
      {name}
      <span className={cx("relative block border-line", narrow ? "h-3.5" : "h-full border-l")} aria-hidden>
        {!narrow && ticks.slice(1).map((tick) => <span key={tick.at} className="absolute inset-y-0 w-px bg-line" style={{ left: `${tick.at * 100}%` }} />)}
        {bar.seconds !== null && (
          <Tooltip text={<>{task.name} · {STATE_WORDS[task.state]} · {took}, from {formatTick(Math.round(bar.left * seconds * 10) / 10)}{task.tries > 1 ? ` · ${task.tries} tries` : ""}</>}>
            <span className={cx("absolute h-3 min-w-[3px] rounded-[3px]", narrow ? "top-0.5" : "top-[9px]", task.state === "running" && "hatched")} style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%`, color: "var(--surface)", backgroundColor: fillColor(task.state) }} />
          </Tooltip>
        )}
      </span>
      {!narrow && <span className="pr-6 text-right text-xs text-muted" aria-hidden>{bar.seconds === null ? "–" : took}</span>}
    </>
  );
}
