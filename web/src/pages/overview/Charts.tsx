// The two charts of the overview: what ended when, and how long runs took.
import { useMemo } from "react";
import { useNavigate } from "@tanstack/react-router";
import type { Outcomes, Run, State } from "@/api";
import { bucketed, periods, RANGE_SECONDS, RANGE_STEP, type Range } from "@/lib/chart";
import { fillColor, STATE_WORDS, stateColor } from "@/lib/states";
import { formatDuration, formatTick } from "@/lib/time";
import { Card, ExactTime, StateIcon } from "@/ui";
import { Chart, Legend, type ChartSeries } from "@/ui/Chart";
import { RunCard } from "../shared/RunBits";

const ENDED = ["completed", "failed", "timed_out", "crashed", "cancelled"] as const;
const SHAPES: Record<(typeof ENDED)[number], NonNullable<ChartSeries["shape"]>> = { completed: "disc", failed: "cross", timed_out: "square", crashed: "diamond", cancelled: "ring" };
const legend = (states: readonly State[]) => states.map((s) => ({ label: STATE_WORDS[s], color: stateColor(s), mark: <StateIcon state={s} size={12} still /> }));

export function ActivityChart({ outcomes, range, now }: { outcomes: Outcomes | undefined; range: Range; now: number }) {
  const starts = useMemo(() => periods(range, now / 1000), [range, now]);
  const slots = useMemo(() => bucketed(outcomes?.items ?? [], starts, RANGE_STEP[range]), [outcomes, starts, range]);
  const series = useMemo(() => ENDED.map((s): ChartSeries => ({ label: STATE_WORDS[s], color: fillColor(s), kind: "bars", values: slots.map((b) => b?.[s] ?? 0) })), [slots]);
  const used = ENDED.filter((s) => slots.some((b) => (b?.[s] ?? 0) > 0));
  return (
    <Card title="Activity" aside={<Legend items={legend(used)} />}>
      <Chart
        label="Runs that ended over time, by state"
        height={190}
        times={starts}
        series={series}
        stacked
        range={[(starts[0] ?? 0) - RANGE_STEP[range] * 0.6, (starts.at(-1) ?? 0) + RANGE_STEP[range] * 0.6]}
        format={(v) => (Number.isInteger(v) ? String(v) : "")}
        card={(i) => (
          <>
            <p className="mb-1 text-muted"><ExactTime at={new Date((starts[i] ?? 0) * 1000).toISOString()} look="short" /></p>
            {ENDED.filter((s) => (slots[i]?.[s] ?? 0) > 0).map((s) => (
              <p key={s} className="flex items-center gap-1.5"><span style={{ color: stateColor(s) }}><StateIcon state={s} size={12} /></span>{STATE_WORDS[s]}<span className="ml-auto pl-4 font-medium">{slots[i]?.[s]}</span></p>
            ))}
            {!slots[i] && <p>Nothing ended</p>}
            {slots[i]?.average_seconds != null && <p className="mt-1 text-muted">on average {formatDuration(slots[i]?.average_seconds)}</p>}
          </>
        )}
      />
    </Card>
  );
}

export function DurationChart({ runs, range, now }: { runs: readonly Run[]; range: Range; now: number }) {
  const navigate = useNavigate();
  const shown = useMemo(
    () => runs.filter((r) => r.started_at && r.ended_at && (ENDED as readonly string[]).includes(r.state)).sort((a, b) => (a.started_at as string).localeCompare(b.started_at as string)),
    [runs],
  );
  const seconds = (r: Run) => Math.max(0.01, (Date.parse(r.ended_at as string) - Date.parse(r.started_at as string)) / 1000);
  const times = useMemo(() => shown.map((r) => Date.parse(r.started_at as string) / 1000), [shown]);
  const series = useMemo(
    () => ENDED.map((s): ChartSeries => ({ label: STATE_WORDS[s], color: fillColor(s), kind: "points", shape: SHAPES[s], values: shown.map((r) => (r.state === s ? seconds(r) : null)) })),
    [shown],
  );
  const first = Math.max(now / 1000 - RANGE_SECONDS[range], (times[0] ?? 0) - 60);
  return (
    <Card title="Duration over start" aside={<span className="text-xs text-muted">{shown.length ? `the latest ${shown.length} runs, each a link` : ""}</span>}>
      <Chart
        label="How long runs took, over their start"
        height={190}
        times={times}
        series={series}
        log
        range={[times.length ? first : now / 1000 - RANGE_SECONDS[range], now / 1000]}
        format={formatTick}
        card={(i) => (shown[i] ? <div className="w-56"><p className="mb-1 font-medium">{shown[i].name}</p><RunCard run={shown[i]} /></div> : null)}
        onPick={(i) => { const run = shown[i]; if (run) void navigate({ to: "/runs/$run", params: { run: run.id } }); }}
      />
    </Card>
  );
}
