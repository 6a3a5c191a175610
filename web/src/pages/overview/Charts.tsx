// The two charts of the overview: what ended when, and how long runs took.
import { useMemo } from "react";
import { useNavigate } from "@tanstack/react-router";
import { ChartColumn, ChartScatter } from "lucide-react";
import type { Outcomes, Run, State } from "@/api";
import { bucketed } from "@/lib/chart";
import type { Span } from "@/lib/span";
import { fillColor, STATE_WORDS, stateColor } from "@/lib/states";
import { formatDuration, formatTick } from "@/lib/time";
import { Card, EmptyState, ExactTime, Skeleton, StateIcon } from "@/ui";
import { Chart, Legend, type ChartSeries } from "@/ui/Chart";
import { RunCard } from "../shared/RunBits";

const ENDED = ["completed", "failed", "timed_out", "crashed", "cancelled"] as const;
const SHAPES: Record<(typeof ENDED)[number], NonNullable<ChartSeries["shape"]>> = { completed: "disc", failed: "cross", timed_out: "square", crashed: "diamond", cancelled: "ring" };
const HEIGHT = 190;
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
const legend = (states: readonly State[]) => states.map((s) => ({ label: STATE_WORDS[s], color: stateColor(s), mark: <StateIcon state={s} size={12} still /> }));
const Bone = () => <div style={{ height: HEIGHT }} className="pt-2"><Skeleton className="h-full w-full" /></div>;

interface ActivityProps {
  outcomes: Outcomes | undefined;
  span: Span;
  /** A drag over the bars. */
  onZoom: (after: string, before: string) => void;
}

export function ActivityChart({ outcomes, span, onZoom }: ActivityProps) {
  const navigate = useNavigate();
  const { starts, step } = span;
  const slots = useMemo(() => bucketed(outcomes?.items ?? [], starts, step), [outcomes, starts, step]);
  const series = useMemo(() => ENDED.map((s): ChartSeries => ({ label: STATE_WORDS[s], color: fillColor(s), kind: "bars", values: slots.map((b) => b?.[s] ?? 0) })), [slots]);
  const used = ENDED.filter((s) => slots.some((b) => (b?.[s] ?? 0) > 0));
  return (
    <Card title="Activity" aside={<Legend items={legend(used)} />}>
      {!outcomes ? <Bone /> : used.length === 0 ? (
        <div style={{ height: HEIGHT }} className="grid place-items-center"><EmptyState icon={<ChartColumn size={18} />} title="Nothing ended in this time" className="py-0">Runs that end show here as bars, by how they ended.</EmptyState></div>
      ) : (
        <Chart
          label="Runs that ended over time, by state"
          height={HEIGHT}
          times={starts}
          series={series}
          stacked
          range={[(starts[0] ?? 0) - step * 0.6, (starts.at(-1) ?? 0) + step * 0.6]}
          format={(v) => (Number.isInteger(v) ? String(v) : "")}
          onZoom={(from, until) => onZoom(iso(Math.floor(from / 60) * 60), iso(Math.ceil(until / 60) * 60))}
          onPick={(i) => void navigate({ to: "/runs", search: { state: ENDED.join(","), ended_after: iso(starts[i] ?? 0), ended_before: iso((starts[i] ?? 0) + step) } })}
          card={(i) => (
            <>
              <p className="mb-1 text-muted"><ExactTime at={iso(starts[i] ?? 0)} look="short" /></p>
              {ENDED.filter((s) => (slots[i]?.[s] ?? 0) > 0).map((s) => (
                <p key={s} className="flex items-center gap-1.5"><span style={{ color: stateColor(s) }}><StateIcon state={s} size={12} /></span>{STATE_WORDS[s]}<span className="ml-auto pl-4 font-medium">{slots[i]?.[s]}</span></p>
              ))}
              {!slots[i] && <p>Nothing ended</p>}
              {slots[i]?.average_seconds != null && <p className="mt-1 text-muted">on average {formatDuration(slots[i]?.average_seconds)}</p>}
            </>
          )}
        />
      )}
    </Card>
  );
}

export function DurationChart({ runs, loading, span }: { runs: readonly Run[]; loading: boolean; span: Span }) {
  const navigate = useNavigate();
  const begin = span.starts[0] ?? span.from;
  const shown = useMemo(
    () =>
      runs
        .filter((r) => r.started_at && r.ended_at && (ENDED as readonly string[]).includes(r.state) && Date.parse(r.started_at) >= begin * 1000)
        .sort((a, b) => (a.started_at as string).localeCompare(b.started_at as string)),
    [runs, begin],
  );
  const seconds = (r: Run) => Math.max(0.01, (Date.parse(r.ended_at as string) - Date.parse(r.started_at as string)) / 1000);
  const times = useMemo(() => shown.map((r) => Date.parse(r.started_at as string) / 1000), [shown]);
  const series = useMemo(
    () => ENDED.map((s): ChartSeries => ({ label: STATE_WORDS[s], color: fillColor(s), kind: "points", shape: SHAPES[s], values: shown.map((r) => (r.state === s ? seconds(r) : null)) })),
    [shown],
  );
  // From the first point on, but never so close that a single one fills the chart; a little air at the end.
  const last = Math.max(span.until, times.at(-1) ?? 0);
  const first = Math.min(Math.max(begin, (times[0] ?? 0) - 60), last - (last - begin) / 12);
  const air = (last - first) / 60;
  return (
    <Card title="Duration over start" aside={<span className="text-xs text-muted">{shown.length > 1 ? `${shown.length} runs, each a link` : shown.length === 1 ? "1 run, a link" : ""}</span>}>
      {loading ? <Bone /> : shown.length === 0 ? (
        <div style={{ height: HEIGHT }} className="grid place-items-center"><EmptyState icon={<ChartScatter size={18} />} title="No run finished in this time" className="py-0">Each run that finishes is a dot here: when it began, and how long it took.</EmptyState></div>
      ) : (
        <Chart
          label="How long runs took, over their start"
          height={HEIGHT}
          times={times}
          series={series}
          log
          range={[first - air, last + air]}
          format={formatTick}
          card={(i) => (shown[i] ? <div className="w-56"><p className="mb-1 font-medium">{shown[i].name}</p><RunCard run={shown[i]} /></div> : null)}
          onPick={(i) => { const run = shown[i]; if (run) void navigate({ to: "/runs/$run", params: { run: run.id } }); }}
        />
      )}
    </Card>
  );
}
