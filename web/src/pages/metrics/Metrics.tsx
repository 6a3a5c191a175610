// Metrics over time: how long runs take, how they end, how busy robots and queues are; whole or of one flow, deployment, robot.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type OutcomeQuery } from "@/api";
import { bucketed, isRange, periods, RANGE_SECONDS, RANGE_STEP, RANGES, type Range } from "@/lib/chart";
import type { Search } from "@/lib/search";
import { Card, ErrorState, Facet, Page, Segmented, Skeleton } from "@/ui";
import { DurationChart } from "../shared/DurationTrend";
import { Breakdown } from "./Breakdown";
import { OutcomeChart, RateChart } from "./OutcomeCharts";
import { SampleChart } from "./SampleChart";

const SUBJECTS = ["flow", "deployment", "robot"] as const;
export type Subject = (typeof SUBJECTS)[number];
const BONES = <Skeleton className="h-52 w-full" />;

/** What the address says: the range, and of what. */
function useChoice() {
  const search = useSearch({ strict: false }) as Search;
  const range: Range = isRange(search.range) ? search.range : "24h";
  const by: Subject = SUBJECTS.find((s) => s === search.by) ?? "flow";
  const filter = Object.fromEntries(SUBJECTS.filter((s) => search[s]).map((s) => [s, search[s]])) as Pick<OutcomeQuery, Subject>;
  const navigate = useNavigate();
  const set = (change: Record<string, string>) => void navigate({ to: ".", search: { ...search, ...change }, replace: true } as never);
  return { range, by, filter, set };
}

function SubjectFacet({ subject, value, onChange }: { subject: Subject; value?: string; onChange: (id: string) => void }) {
  const flows = useQuery({ ...q.flows(), enabled: subject === "flow" && Boolean(value), staleTime: 60_000 });
  const deployments = useQuery({ ...q.deployments(), enabled: subject === "deployment" && Boolean(value), staleTime: 60_000 });
  const robots = useQuery({ ...q.robots(), enabled: subject === "robot" && Boolean(value) });
  const ask = { flow: flows, deployment: deployments, robot: robots }[subject];
  const items = subject === "flow" ? flows.data?.items.map((f) => ({ value: f.id, label: f.name })) : subject === "deployment" ? deployments.data?.items.map((d) => ({ value: d.id, label: d.full_name })) : robots.data?.items.map((r) => ({ value: r.id, label: r.name }));
  const name = { flow: "Flow", deployment: "Deployment", robot: "Robot" }[subject];
  return <Facet name={name} chosen={value ? [value] : []} shown={items?.find((i) => i.value === value)?.label} options={items} onOpen={() => void ask.refetch()} onChange={(chosen) => onChange(chosen[0] ?? "")} />;
}

export function Metrics() {
  const { range, by, filter, set } = useChoice();
  const step = RANGE_STEP[range];
  const starts = periods(range, Date.now() / 1000);
  const from = new Date((starts[0] ?? 0) * 1000).toISOString();
  const over = useQuery({ ...q.outcomes({ ...filter, from, step_seconds: step }, ["metrics", "over", filter, from, step]), refetchInterval: 30_000 });
  const buckets = bucketed(over.data?.items ?? [], starts, step);
  const span = `the last ${range}`;
  const filtered = Object.keys(filter).length > 0;
  return (
    <Page
      title="Metrics"
      actions={
        <>
          {SUBJECTS.map((s) => <SubjectFacet key={s} subject={s} value={filter[s]} onChange={(id) => set({ [s]: id })} />)}
          <Segmented label="Time range" value={range} onChange={(next) => set({ range: next === "24h" ? "" : next })} options={RANGES.map((r) => ({ value: r, label: r, title: `The last ${r}` }))} />
        </>
      }
    >
      {over.error && !over.data ? <ErrorState error={over.error} onRetry={() => void over.refetch()} /> : (
        <div className="grid gap-4 lg:grid-cols-2">
          <Card title="Execution time">{over.data ? <DurationChart starts={starts} buckets={buckets} label={`Execution time over ${span}`} /> : BONES}</Card>
          <Card title="How runs ended">{over.data ? <OutcomeChart starts={starts} buckets={buckets} step={step} filter={filter} label={`How runs ended over ${span}`} /> : BONES}</Card>
          <Card title="Success and failure rate">{over.data ? <RateChart starts={starts} buckets={buckets} label={`Success and failure rate over ${span}`} /> : BONES}</Card>
          <Card title="Robot utilisation" aside={filtered && <Whole />}><SampleChart metric="robot_utilization" range={range} label={`Robot utilisation over ${span}`} /></Card>
          <Card title="Queue depth" aside={filtered && <Whole />}><SampleChart metric="queue_depth" range={range} label={`Runs that waited over ${span}`} /></Card>
          <Card title="Throughput" aside={filtered && <Whole />}><SampleChart metric="throughput" range={range} label={`Runs that ended each minute over ${span}`} /></Card>
          <Breakdown by={by} range={RANGE_SECONDS[range]} from={from} filter={filter} onBy={(next) => set({ by: next === "flow" ? "" : next })} onPick={(id) => set({ [by]: id })} />
        </div>
      )}
    </Page>
  );
}

/** Samples are of the fleet, whatever is filtered. */
const Whole = () => <span className="text-xs text-faint">of the whole fleet</span>;
