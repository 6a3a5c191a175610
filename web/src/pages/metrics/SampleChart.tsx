// One sampled metric of the fleet over time: utilisation, queue depth, throughput.
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { RANGE_SECONDS, type Range } from "@/lib/chart";
import { formatPercent } from "@/lib/format";
import { formatShort } from "@/lib/time";
import { EmptyState, ErrorState, Skeleton } from "@/ui";
import { Chart } from "@/ui/Chart";
import { useZone } from "@/ui/Time";

type Metric = "robot_utilization" | "queue_depth" | "throughput";

/** Points per chart stay between sixty and a thousand. */
const GRAIN: Record<Range, number> = { "1h": 10, "6h": 60, "24h": 60, "7d": 3600, "30d": 3600 };
/** Queues that are named in the hover card. */
const MOST_NAMED = 6;

const LOOKS: Record<Metric, { scale: number; format: (v: number) => string; words: (v: number) => string; note: string; max?: number }> = {
  robot_utilization: { scale: 100, format: (v) => (v > 100 ? "" : `${Math.round(v)}%`), words: (v) => `${formatPercent(v)} of all slots taken`, note: "The share of the slots of robots within reach that is taken.", max: 104 },
  queue_depth: { scale: 1, format: (v) => (Number.isInteger(v) ? String(v) : ""), words: (v) => `${Math.round(v * 10) / 10} waited`, note: "Runs that were due and waited for a robot, over all work queues." },
  throughput: { scale: 60, format: (v) => (v >= 10 || Number.isInteger(v) ? String(Math.round(v)) : v.toFixed(1)), words: (v) => `${v >= 10 ? Math.round(v) : v.toFixed(1)} runs ended each minute`, note: "Runs that ended, each minute." },
};

export function SampleChart({ metric, range, label }: { metric: Metric; range: Range; label: string }) {
  const zone = useZone();
  const grain = GRAIN[range];
  const until = Math.floor(Date.now() / 1000 / grain) * grain;
  const start = until - RANGE_SECONDS[range];
  const from = new Date(start * 1000).toISOString();
  const found = useQuery({ ...q.samples({ metric, from, grain_seconds: grain }, ["metrics", metric, range]), refetchInterval: 30_000 });
  const look = LOOKS[metric];
  if (found.error && !found.data) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton className="h-52 w-full" />;
  const whole = found.data.series.find((s) => s.subject === "") ?? found.data.series[0];
  if (!whole || whole.points.length === 0) return <EmptyState title="Nothing was measured yet" className="h-[200px] py-0">The server measures every ten seconds; the first points come soon.</EmptyState>;
  const times = whole.points.map((p) => Date.parse(p.at) / 1000);
  const values = whole.points.map((p) => p.value * look.scale);
  const parts = found.data.series.filter((s) => s.subject !== "").map((s) => ({ name: s.name || s.subject.slice(-8), at: new Map(s.points.map((p) => [Date.parse(p.at) / 1000, p.value])) }));
  return (
    <>
      <Chart
        times={times}
        range={[start, until]}
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
