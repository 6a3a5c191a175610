// One run: log, timeline, graph, transitions, results, details; each attempt apart.
import { lazy, Suspense, useState } from "react";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Workflow } from "lucide-react";
import { q, type Attempt, type Run } from "@/api";
import { capitalised, cx } from "@/lib/format";
import { firstDue } from "@/lib/latency";
import type { Search } from "@/lib/search";
import { isTerminal, stateColor } from "@/lib/states";
import { Badge, EmptyState, Page, Segmented, Skeleton, StateIcon, TabPanel, Tabs } from "@/ui";
import { isGone, NotHere } from "../shared/NotHere";
import { RunState, useShownState } from "../shared/RunBits";
import { Actions } from "./Actions";
import { Details } from "./Details";
import { Explain } from "./Explain";
import { ErrorBanner, Facts, type First, Parameters, ProgressLine } from "./Header";
import { Logs } from "./Logs";
import { Results } from "./Results";
import { Timeline } from "./Timeline";
import { Transitions } from "./Transitions";
import { UnheardBanner } from "./Unheard";

const GraphView = lazy(() => import("./GraphView").then((m) => ({ default: m.GraphView })));
const TABS = ["logs", "timeline", "graph", "transitions", "results", "details"] as const;
type Tab = (typeof TABS)[number];

/** How often the progress of a running run is looked at. */
const PROGRESS_EVERY = 2_000;

export function RunPage() {
  const { run: id } = useParams({ strict: false }) as { run: string };
  // Progress is no event: a run that tells how far it is is asked now and then.
  const found = useQuery({ ...q.run(id), refetchInterval: (query) => (query.state.data?.state === "running" ? PROGRESS_EVERY : false) });
  if (found.error && (!found.data || isGone(found.error))) return <NotHere kind="run" error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <RunBones />;
  return <RunView run={found.data} />;
}

function RunBones() {
  return (
    <Page title="Run" fill crumbs={<Link to="/runs" className="hover:underline">Runs</Link>}>
      <div role="status" aria-label="Loading" className="grid grid-cols-2 gap-4 px-4 sm:grid-cols-8 sm:px-6">{Array.from({ length: 8 }, (_, i) => <Skeleton key={i} className="h-9 w-full" />)}</div>
    </Page>
  );
}

function AttemptTabs({ attempts, value, onChange }: { attempts: Attempt[]; value: number; onChange: (n: number) => void }) {
  if (attempts.length < 2) return null;
  return (
    <Segmented
      label="Attempt"
      className="mr-4 sm:mr-6"
      value={String(value)}
      onChange={(v) => onChange(Number(v))}
      options={attempts.slice(-8).map((a) => ({ value: String(a.number), title: `Attempt ${a.number}`, label: <><span style={{ color: stateColor(a.state) }} className="inline-flex"><StateIcon state={a.state} size={12} /></span>{a.number}</> }))}
    />
  );
}

/** When a run that was tried again was due and began at first: its own times are those of the latest attempt. */
function useFirst(run: Run, attempts: readonly Attempt[]): First | undefined {
  const events = useQuery({ ...q.runEvents(run.id), enabled: run.attempt > 1 }).data?.items ?? [];
  return run.attempt > 1 ? { due: firstDue(events), started: attempts[0]?.started_at ?? undefined } : undefined;
}

function RunView({ run }: { run: Run }) {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const tab: Tab = TABS.find((t) => t === search.tab) ?? "logs";
  const attempts = useQuery(q.attempts(run.id));
  const list = attempts.data?.items ?? [];
  const first = useFirst(run, list);
  const number = Number(search.attempt) || run.attempt;
  const attempt = list.find((a) => a.number === number);
  const tasks = useQuery({ ...q.taskRuns(run.id, number), enabled: list.length > 0, refetchInterval: isTerminal(run.state) ? false : PROGRESS_EVERY });
  const items = tasks.data?.items ?? [];
  const set = (patch: Search) => void navigate({ to: "/runs/$run", params: { run: run.id }, search: ((old: Search) => ({ ...old, ...patch })) as never, replace: true });
  const state = useShownState(run);
  const waits = run.state === "pending" || run.state === "queued";
  // What is below the reasons is shown when they are there: nothing that is read is pushed down by them.
  const [cameWaiting] = useState(waits);
  const why = useQuery({ ...q.explain(run.id), enabled: waits });
  const unknown = cameWaiting && waits && why.isPending;
  const error = attempt && number !== run.attempt ? attempt.error : run.error;
  const pick = (key: string | undefined) => set({ node: key ?? "" });

  return (
    <Page
      title={run.name}
      fill
      crumbs={<><Link to="/runs" className="hover:underline">Runs</Link> / <Link to="/runs" search={{ flow: run.flow_name }} className="hover:underline">{run.label}</Link></>}
      aside={<span className="flex min-w-0 items-center gap-1.5"><RunState run={run} look="solid" /><span className="ml-1 flex min-w-0 gap-1 overflow-hidden max-sm:hidden">{run.tags.map((tag) => <Link key={tag} to="/runs" search={{ tag }} title={`All runs tagged ${tag}`}><Badge>{tag}</Badge></Link>)}</span></span>}
      actions={<Actions run={run} />}
    >
      <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <div className="space-y-3 px-4 pb-3 sm:px-6">
          <Facts run={run} first={first} />
          <Parameters run={run} />
          <UnheardBanner run={run} />
          <ProgressLine run={run} />
          {run.end_reason && <p className="text-sm text-muted">{capitalised(run.end_reason)}</p>}
          {error && <ErrorBanner error={error} state={attempt && number !== run.attempt ? attempt.state : state} />}
          {waits && <Explain run={run} />}
        </div>
        <Tabs<Tab>
          label="About this run"
          value={tab}
          onChange={(next) => set({ tab: next === "logs" ? "" : next, node: "" })}
          className={cx("min-h-[max(420px,55%)] flex-1 [&>div:first-child]:pl-[calc(var(--edge)-10px)]", unknown && "invisible")}
          extra={<AttemptTabs attempts={list} value={number} onChange={(n) => set({ attempt: n === run.attempt ? "" : String(n), line: "", node: "" })} />}
          tabs={[
            { value: "logs", label: "Logs" }, { value: "timeline", label: "Timeline", count: tasks.data?.items.length ?? (attempts.data && list.length === 0 ? 0 : undefined) }, { value: "graph", label: "Graph" },
            { value: "transitions", label: "Transitions" }, { value: "results", label: "Results" }, { value: "details", label: "Details" },
          ]}
        >
          <TabPanel value={tab} tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
            {tab === "logs" && <Logs key={number} run={run} attempt={number} tasks={items} />}
            {tab === "timeline" && <Timeline run={run} attempt={attempt} tasks={items} picked={search.node} onPick={pick} />}
            {tab === "graph" && (items.length === 0 ? (
              <EmptyState icon={<Workflow size={18} />} title="No task was reported">A flow that reports its tasks shows here what waited for what.</EmptyState>
            ) : (
              <Suspense fallback={<div role="status" aria-label="Loading" className="flex-1" />}><GraphView tasks={items} picked={search.node} onPick={pick} /></Suspense>
            ))}
            {tab === "transitions" && <Transitions run={run} attempt={search.attempt ? number : undefined} />}
            {tab === "results" && <Results run={run} attempt={attempt} />}
            {tab === "details" && <Details run={run} />}
          </TabPanel>
        </Tabs>
      </div>
    </Page>
  );
}
