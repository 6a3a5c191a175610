// The latest runs as a strip of bars: colour and mark say how each ended, height how long it took.
import { useId, useState, type KeyboardEvent } from "react";
import { useNavigate } from "@tanstack/react-router";
import type { Run } from "@/api";
import { cx } from "@/lib/format";
import { formatDuration, secondsBetween } from "@/lib/time";
import { isBad, STATE_WORDS, fillColor } from "@/lib/states";
import { HoverCard } from "@/ui";
import { RunCard } from "./RunBits";

/** Low enough that the strip stays a strip, high enough that a tenth can be told. */
const HEIGHT = 40;
const LEAST = 5;

/**
 * One thing to reach, not sixty: bars are too narrow to be hit one by one on a phone or by the tab key. The arrow keys
 * go from bar to bar, Enter opens; the list below links each run.
 */
export function HistoryStrip({ runs, label }: { runs: readonly Run[]; label: string }) {
  const now = Date.now();
  const navigate = useNavigate();
  const id = useId();
  const shown = [...runs].reverse();
  const [at, setAt] = useState<number | null>(null);
  const took = shown.map((run) => secondsBetween(run.started_at, run.ended_at, now) ?? 0);
  const most = Math.max(...took, 0.001);
  const current = at === null ? null : Math.min(at, shown.length - 1);
  const open = (run: Run | undefined, newTab: boolean) => {
    if (run) newTab ? window.open(`/runs/${run.id}`) : void navigate({ to: "/runs/$run", params: { run: run.id } });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = shown.length - 1;
    const from = current ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (event.key === "Enter" && current !== null) open(shown[current], event.ctrlKey || event.metaKey);
    else if (to !== undefined) setAt(Math.max(0, Math.min(last, to)));
    else return;
    event.preventDefault();
  };
  return (
    <div role="listbox" aria-label={`${label}; arrow keys choose one, Enter opens it`} aria-orientation="horizontal" tabIndex={0} aria-activedescendant={current === null ? undefined : `${id}-${current}`} onKeyDown={onKeyDown} onBlur={() => setAt(null)} className="flex items-end gap-[3px] overflow-hidden rounded-sm" style={{ height: HEIGHT }}>
      {shown.map((run, i) => {
        const seconds = took[i] ?? 0;
        const height = Math.round(LEAST + (HEIGHT - LEAST) * Math.sqrt(seconds / most));
        return (
          <HoverCard key={run.id} card={<RunCard run={run} />}>
            <span
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === current}
              aria-label={`${run.name}: ${STATE_WORDS[run.state]}, ${formatDuration(seconds)}`}
              onClick={(e) => open(run, e.ctrlKey || e.metaKey)}
              className={cx("flex h-full max-w-4 min-w-[3px] flex-1 cursor-pointer items-end rounded-[2px] hover:bg-hover", i === current && "bg-selected")}
            >
              <span className={`relative block w-full rounded-[2px] ${run.state === "running" ? "animate-pulse" : ""}`} style={{ height, background: fillColor(run.state), opacity: run.started_at ? 1 : 0.45 }}>
                {isBad(run.state) && <span className="absolute inset-x-0 -top-[5px] mx-auto h-[3px] w-[3px] rounded-full" style={{ background: fillColor(run.state) }} />}
              </span>
            </span>
          </HoverCard>
        );
      })}
    </div>
  );
}
