// Trends: how long runs take, how they end, how busy robots and queues are; whole or of one flow, deployment, robot.
import { useMemo } from "react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type OutcomeQuery } from "@/api";
import { bucketed } from "@/lib/chart";
import { useNow } from "@/lib/preferences";
import type { Search } from "@/lib/search";
import { askedFor, sampleGrain, spanOf, spanWords } from "@/lib/span";
import { Card, ErrorState, Facet, Page, Skeleton, SpanPicker, useZone } from "@/ui";
import { DurationChart } from "../shared/DurationTrend";
import { Breakdown } from "./Breakdown";
import { OutcomeChart, RateChart } from "./OutcomeCharts";
import { METRICS, SampleChart } from "./SampleChart";

const SUBJECTS = ["flow", "deployment", "robot"] as const;
export type Subject = (typeof SUBJECTS)[number];
/** As high as a chart and its legend. */
const BONES = <Skeleton className="h-[224px] w-full" />;

/** What the address says: the time, and of what. */
function useChoice() {
  const search = useSearch({ strict: false }) as Search;
  const minute = Math.floor(useNow(60_000) / 60_000) * 60_000;
  const span = useMemo(() => spanOf(search, minute), [search.range, search.after, search.before, minute]);
  const by: Subject = SUBJECTS.find((s) => s === search.by) ?? "flow";
  const filter = Object.fromEntries(SUBJECTS.filter((s) => search[s]).map((s) => [s, search[s]])) as Pick<OutcomeQuery, Subject>;
  const navigate = useNavigate();
  const set = (change: Search) => void navigate({ to: ".", search: { ...search, ...change }, replace: true } as never);
  // A deployment is of one flow, so the two never stand side by side.
  const pick = (subject: Subject, id: string) => set({ [subject]: id, ...(subject === "flow" ? { deployment: "" } : subject === "deployment" ? { flow: "" } : {}) });
  return { search, span, by, filter, set, pick };
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

export function Trends() {
  const { search, span, by, filter, set, pick } = useChoice();
  const { starts, step } = span;
  const zone = useZone();
  const asked = useMemo(() => askedFor(span), [span]);
  const over = useQuery({ ...q.outcomes({ ...filter, ...asked, step_seconds: step }, ["metrics", "over", filter, asked, step]), refetchInterval: 30_000 });
  const samples = useQuery({ ...q.samples({ metric: METRICS.join(","), ...asked, grain_seconds: sampleGrain(span) }, ["metrics", asked]), refetchInterval: 30_000 });
  const buckets = bucketed(over.data?.items ?? [], starts, step);
  const when = spanWords(span, zone);
  const filtered = Object.keys(filter).length > 0;
  const sampled = (title: string, metric: (typeof METRICS)[number], label: string) => (
    <Card title={title} aside={filtered && <Whole />}>
      {samples.error && !samples.data ? <ErrorState error={samples.error} onRetry={() => void samples.refetch()} className="h-[200px] py-0" /> : <SampleChart metric={metric} samples={samples.data} span={span} label={`${label} ${when}`} />}
    </Card>
  );
  return (
    <Page
      title="Trends"
      actions={
        <>
          {SUBJECTS.map((s) => <SubjectFacet key={s} subject={s} value={filter[s]} onChange={(id) => pick(s, id)} />)}
          <SpanPicker span={span} search={search} onChange={(next) => set({ range: "", after: "", before: "", ...next })} />
        </>
      }
    >
      {over.error && !over.data ? <ErrorState error={over.error} onRetry={() => void over.refetch()} /> : (
        <div className="grid gap-4 lg:grid-cols-2">
          <Card title="Execution time">{over.data ? <DurationChart starts={starts} buckets={buckets} label={`Execution time ${when}`} /> : BONES}</Card>
          <Card title="How runs ended">{over.data ? <OutcomeChart starts={starts} buckets={buckets} step={step} filter={filter} label={`How runs ended ${when}`} /> : BONES}</Card>
          <Card title="Success and failure rate">{over.data ? <RateChart starts={starts} buckets={buckets} label={`Success and failure rate ${when}`} /> : BONES}</Card>
          {sampled("Robot utilisation", "robot_utilization", "Robot utilisation")}
          {sampled("Queue depth", "queue_depth", "Runs that waited")}
          {sampled("Throughput", "throughput", "Runs that ended each minute")}
          <Breakdown by={by} asked={asked} filter={filter} onBy={(next) => set({ by: next === "flow" ? "" : next })} onPick={(id) => pick(by, id)} />
        </div>
      )}
    </Page>
  );
}

/** Samples are of the fleet, whatever is filtered. */
const Whole = () => <span className="text-xs text-faint">of the whole fleet</span>;
