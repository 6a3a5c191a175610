// How runs ended, period by period: as counts in the colours of the states, and as rates.
import { useNavigate } from "@tanstack/react-router";
import type { OutcomeBucket, OutcomeQuery, State } from "@/api";
import { badOf } from "@/lib/dayCalendar";
import { formatCount, formatPercent } from "@/lib/format";
import { fillColor, STATE_WORDS, stateColor } from "@/lib/states";
import { formatShort } from "@/lib/time";
import { EmptyState, StateIcon } from "@/ui";
import { Chart, Legend } from "@/ui/Chart";
import { useZone } from "@/ui/Time";

const ENDS = ["completed", "failed", "timed_out", "crashed", "cancelled"] as const satisfies readonly State[];

interface OutcomeChartProps {
  starts: number[];
  buckets: (OutcomeBucket | undefined)[];
  label: string;
}

const Nothing = () => <EmptyState title="Nothing ended in this time" className="h-[224px] py-0">Choose a longer range, or fewer filters.</EmptyState>;
/** Half a period of air at both ends, so that no bar is cut. */
const span = (starts: number[]): [number, number] => {
  const half = ((starts[1] ?? 1) - (starts[0] ?? 0)) / 2;
  return [(starts[0] ?? 0) - half, (starts.at(-1) ?? 0) + half];
};
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

export function OutcomeChart({ starts, buckets, label, step, filter }: OutcomeChartProps & { step: number; filter: Pick<OutcomeQuery, "flow" | "deployment" | "robot"> }) {
  const zone = useZone();
  const navigate = useNavigate();
  const shown = ENDS.filter((state) => state === "completed" || buckets.some((b) => b && b[state] > 0));
  if (!buckets.some((b) => b && ENDS.some((s) => b[s] > 0))) return <Nothing />;
  return (
    <>
      <Chart
        times={starts}
        range={span(starts)}
        height={200}
        label={label}
        stacked
        format={formatCount}
        series={shown.map((state) => ({ label: STATE_WORDS[state], color: fillColor(state), kind: "bars" as const, values: buckets.map((b) => b?.[state] ?? 0) }))}
        onPick={(i) => void navigate({ to: "/runs", search: { ...filter, ended_after: iso(starts[i] ?? 0), ended_before: iso((starts[i] ?? 0) + step) } })}
        card={(i) => (
          <>
            <p className="font-medium">{formatShort((starts[i] ?? 0) * 1000, zone)}</p>
            {shown.map((state) => <p key={state} className="mt-0.5 flex items-center gap-1.5" style={{ color: stateColor(state) }}><StateIcon state={state} size={12} />{STATE_WORDS[state]}<span className="ml-auto pl-3 text-fg">{formatCount(buckets[i]?.[state] ?? 0)}</span></p>)}
          </>
        )}
      />
      <div className="mt-2"><Legend items={shown.map((state) => ({ label: STATE_WORDS[state], color: stateColor(state), mark: <StateIcon state={state} size={12} /> }))} /></div>
    </>
  );
}

const failureRate = (b: OutcomeBucket | undefined): number | null => (!b || b.completed + badOf(b) === 0 ? null : (100 * badOf(b)) / (b.completed + badOf(b)));

export function RateChart({ starts, buckets, label }: OutcomeChartProps) {
  const zone = useZone();
  if (!buckets.some((b) => b?.success_rate != null)) return <Nothing />;
  const good = buckets.map((b) => b?.success_rate ?? null);
  const bad = buckets.map(failureRate);
  const [green, red] = [fillColor("completed"), fillColor("failed")];
  return (
    <>
      <Chart
        times={starts}
        range={span(starts)}
        height={200}
        label={label}
        min={0}
        max={104}
        format={(v) => (v > 100 ? "" : `${v}%`)}
        series={[
          { label: "Success", color: green, kind: "line", joined: true, values: good },
          { label: "Failure", color: red, kind: "area", joined: true, values: bad },
        ]}
        card={(i) => (
          <>
            <p className="font-medium">{formatShort((starts[i] ?? 0) * 1000, zone)}</p>
            <p className="mt-1 text-muted">{good[i] == null ? "Nothing finished" : `${formatPercent(good[i] ?? 0)} completed, ${formatPercent(bad[i] ?? 0)} did not`}</p>
          </>
        )}
      />
      <div className="mt-2"><Legend items={[{ label: "Completed, of what finished", color: green, mark: <StateIcon state="completed" size={12} /> }, { label: "Failed, timed out, crashed", color: red, mark: <StateIcon state="failed" size={12} /> }]} /></div>
    </>
  );
}
