// How long runs take over time: the middle one and the slowest of twenty, as lines.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { q, type OutcomeBucket } from "@/api";
import { bucketed, periods, RANGE_STEP, type Range } from "@/lib/chart";
import { formatDuration, formatShort, formatTick } from "@/lib/time";
import { Card, EmptyState, Segmented, Skeleton } from "@/ui";
import { Chart, Legend } from "@/ui/Chart";
import { useZone } from "@/ui/Time";

const RANGES: Range[] = ["24h", "7d", "30d"];
export const P50 = { label: "p50", color: "var(--accent)" };
export const P95 = { label: "p95", color: "var(--faint)" };

/** The two lines, from periods that may be empty. */
export function DurationChart({ starts, buckets, height = 200, label }: { starts: number[]; buckets: (OutcomeBucket | undefined)[]; height?: number; label: string }) {
  const zone = useZone();
  if (!buckets.some((b) => b?.p50_seconds != null)) return <EmptyState title="Nothing finished in this time" className="h-[224px] py-0">Choose a longer range, or fewer filters.</EmptyState>;
  return (
    <>
      <Chart
        times={starts}
        height={height}
        label={label}
        format={formatTick}
        durations
        series={[
          { ...P95, kind: "line", joined: true, values: buckets.map((b) => b?.p95_seconds ?? null) },
          { ...P50, kind: "line", joined: true, values: buckets.map((b) => b?.p50_seconds ?? null) },
        ]}
        card={(i) => {
          const b = buckets[i];
          return (
            <>
              <p className="font-medium">{formatShort((starts[i] ?? 0) * 1000, zone)}</p>
              {b ? <p className="mt-1 text-muted">p50 {formatDuration(b.p50_seconds)} · p95 {formatDuration(b.p95_seconds)}<br />mean {formatDuration(b.average_seconds)}</p> : <p className="mt-1 text-muted">No runs</p>}
            </>
          );
        }}
      />
      <div className="mt-2"><Legend items={[{ ...P50, label: "p50: half took at most this" }, { ...P95, label: "p95: 95 of 100 took at most this" }]} /></div>
    </>
  );
}

export function DurationTrend({ filter }: { filter: { flow?: string; deployment?: string } }) {
  const [range, setRange] = useState<Range>("7d");
  const starts = periods(range, Date.now() / 1000);
  const from = new Date((starts[0] ?? 0) * 1000).toISOString();
  const outcomes = useQuery({ ...q.outcomes({ ...filter, from, step_seconds: RANGE_STEP[range] }, ["trend", filter, range, from]), refetchInterval: 60_000 });
  const buckets = bucketed(outcomes.data?.items ?? [], starts, RANGE_STEP[range]);
  const ranges = <Segmented label="Time range" value={range} onChange={setRange} options={RANGES.map((r) => ({ value: r, label: r }))} />;
  return (
    <Card title="How long it takes" aside={ranges}>
      {!outcomes.data ? <Skeleton className="h-[224px] w-full" /> : buckets.some((b) => b?.p50_seconds != null) ? (
        <DurationChart starts={starts} buckets={buckets} label={`Execution time over the last ${range}`} />
      ) : (
        <EmptyState title="Nothing finished in this time" className="h-[224px] py-0">{range === "30d" ? "Runs that finish show here." : "Choose a longer range above."}</EmptyState>
      )}
    </Card>
  );
}
