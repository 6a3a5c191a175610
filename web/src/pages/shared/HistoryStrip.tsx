// The latest runs as a strip of bars: colour and mark say how each ended, height how long it took.
import { Link } from "@tanstack/react-router";
import type { Run } from "@/api";
import { formatDuration, secondsBetween } from "@/lib/time";
import { isBad, STATE_WORDS, fillColor } from "@/lib/states";
import { HoverCard } from "@/ui";
import { RunCard } from "./RunBits";

/** Low enough that the strip stays a strip, high enough that a tenth can be told. */
const HEIGHT = 40;
const LEAST = 5;

export function HistoryStrip({ runs, label }: { runs: readonly Run[]; label: string }) {
  const now = Date.now();
  const took = runs.map((run) => secondsBetween(run.started_at, run.ended_at, now) ?? 0);
  const most = Math.max(...took, 0.001);
  return (
    <ol aria-label={label} className="flex items-end gap-[3px] overflow-hidden" style={{ height: HEIGHT }}>
      {[...runs].reverse().map((run, i) => {
        const seconds = took[runs.length - 1 - i] ?? 0;
        const height = Math.round(LEAST + (HEIGHT - LEAST) * Math.sqrt(seconds / most));
        return (
          <li key={run.id} className="flex h-full max-w-4 min-w-[5px] flex-1 items-end">
            <HoverCard card={<RunCard run={run} />}>
              <Link
                to="/runs/$run"
                params={{ run: run.id }}
                aria-label={`${run.name}: ${STATE_WORDS[run.state]}, ${formatDuration(seconds)}`}
                className="flex h-full w-full items-end rounded-[2px] hover:bg-hover"
              >
                <span className={`relative block w-full rounded-[2px] ${run.state === "running" ? "animate-pulse" : ""}`} style={{ height, background: fillColor(run.state), opacity: run.started_at ? 1 : 0.45 }}>
                  {isBad(run.state) && <span className="absolute inset-x-0 -top-[5px] mx-auto h-[3px] w-[3px] rounded-full" style={{ background: fillColor(run.state) }} />}
                </span>
              </Link>
            </HoverCard>
          </li>
        );
      })}
    </ol>
  );
}
