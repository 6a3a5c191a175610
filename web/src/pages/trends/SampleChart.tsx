// One sampled metric of the fleet over time: utilisation, queue depth, throughput.
import type { Samples } from "@/api";
import { calmed } from "@/lib/chart";
import type { Span } from "@/lib/span";
import { formatPercent } from "@/lib/format";
import { formatShort } from "@/lib/time";
import { EmptyState, Skeleton } from "@/ui";
import { Chart } from "@/ui/Chart";
import { useZone } from "@/ui/Time";

export const METRICS = ["robot_utilization", "queue_depth", "throughput"] as const;
type Metric = (typeof METRICS)[number];

/** Queues that are named in the hover card. */
const MOST_NAMED = 6;

const LOOKS: Record<Metric, { scale: number; format: (v: number) => string; words: (v: number) => string; note: string; max?: number }> = {
  robot_utilization: { scale: 100, format: (v) => (v > 100 ? "" : `${Math.round(v)}%`), words: (v) => `${formatPercent(v)} of all slots taken`, note: "The share of the slots of robots within reach that is taken.", max: 104 },
  queue_depth: { scale: 1, format: (v) => (Number.isInteger(v) ? String(v) : ""), words: (v) => `${Math.round(v * 10) / 10} waited`, note: "Runs that were due and waited for a robot, over all work queues." },
  throughput: { scale: 60, format: (v) => (v >= 10 || Number.isInteger(v) ? String(Math.round(v)) : v.toFixed(1)), words: (v) => `${v >= 10 ? Math.round(v) : v.toFixed(1)} runs ended each minute`, note: "Runs that ended, each minute." },
};

interface SampleChartProps {
  metric: Metric;
  samples: Samples | undefined;
  span: Span;
  label: string;
}

export function SampleChart({ metric, samples, span, label }: SampleChartProps) {
  const zone = useZone();
  const look = LOOKS[metric];
  if (!samples) return <Skeleton className="h-[224px] w-full" />;
  const mine = samples.series.filter((s) => s.metric === metric);
  const whole = mine.find((s) => s.subject === "") ?? mine[0];
  if (!whole || whole.points.length === 0) return <EmptyState title={span.range ? "Nothing was measured yet" : "Nothing was measured in this time"} className="h-[224px] py-0">The server measures every ten seconds; the first points come soon.</EmptyState>;
  const { times, values } = calmed(whole.points.map((p) => Date.parse(p.at) / 1000), whole.points.map((p) => p.value * look.scale));
  const parts = mine.filter((s) => s.subject !== "").map((s) => ({ name: s.name || s.subject.slice(-8), at: new Map(s.points.map((p) => [Date.parse(p.at) / 1000, p.value])) }));
  return (
    <>
      <Chart
        times={times}
        range={[span.from, Math.max(span.until, times.at(-1) ?? 0)]}
        height={200}
        label={label}
        min={0}
        max={look.max}
        format={look.format}
        series={[{ label: metric, color: "var(--accent)", kind: "area", values }]}
        card={(i) => {
          const held = parts.map((p) => [p.name, p.at.get(times[i] ?? 0) ?? 0] as const).filter(([, v]) => v > 0).sort((a, b) => b[1] - a[1]);
          return (
            <>
              <p className="font-medium">{formatShort((times[i] ?? 0) * 1000, zone)}</p>
              <p className="mt-1 whitespace-nowrap text-muted">{look.words(values[i] ?? 0)}</p>
              {held.slice(0, MOST_NAMED).map(([name, v]) => <p key={name} className="mt-0.5 flex gap-3 text-muted"><span className="max-w-40 truncate">{name}</span><span className="ml-auto text-fg">{Math.round(v * look.scale * 10) / 10}</span></p>)}
            </>
          );
        }}
      />
      <p className="mt-2 text-xs text-muted">{look.note}</p>
    </>
  );
}
