// The figures of the day: robots, runs, success, time; and how many runs are where.
import type { ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type Outcomes, type RobotStatus } from "@/api";
import { cx, formatCount, formatPercent } from "@/lib/format";
import type { Search } from "@/lib/search";
import { endedIn, type Span } from "@/lib/span";
import { STATE_MEANINGS, STATE_WORDS, stateColor, type ShownState } from "@/lib/states";
import { formatDuration } from "@/lib/time";
import { Allowed } from "@/shell/session";
import { RobotLight, Skeleton, Sparkline, StateIcon } from "@/ui";

const Tile = ({ name, value, children }: { name: string; value: ReactNode; children?: ReactNode }) => (
  <section className="flex min-w-0 flex-col rounded-lg border border-line bg-surface px-4 py-3 shadow-card">
    <h2 className="text-xs font-medium text-muted">{name}</h2>
    <p className="mt-0.5 text-2xl font-semibold tracking-[-0.02em]">{value}</p>
    <div className="mt-1.5 flex min-h-6 flex-wrap items-center gap-x-3 gap-y-0.5 text-xs text-muted">{children}</div>
  </section>
);

const Bone = () => <Skeleton className="my-1 h-6 w-16" />;
const LIGHTS: RobotStatus[] = ["online", "busy", "draining", "offline"];

/** What is known of the periods of the chosen time, as a line under the figure of today. */
function Trend({ outcomes, of, max, color, label }: { outcomes: Outcomes | undefined; of: (b: Outcomes["items"][number]) => number | null | undefined; max?: number; color?: string; label: string }) {
  const values = (outcomes?.items ?? []).map(of).filter((v): v is number => v != null);
  return <span title={label} className="flex w-full"><Sparkline values={values} max={max} width={260} height={24} color={color} label={label} /></span>;
}

export function Tiles({ outcomes, span }: { outcomes: Outcomes | undefined; span: Span }) {
  const figures = useQuery(q.dashboard()).data;
  const when = span.range ? `in the last ${span.range}` : "in the chosen time";
  const robots = useQuery(q.states()).data?.robots;
  const lights = LIGHTS.map((status) => ({ status, count: robots?.find((r) => r.status === status)?.count ?? 0 })).filter((l) => l.count > 0);
  return (
    <div className="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4">
      <Tile name="Robots online" value={figures ? <>{figures.online_robots}<span className="text-lg font-normal text-muted"> of {figures.total_robots}</span></> : <Bone />}>
        {lights.map((l) => (
          <Link key={l.status} to="/robots" search={{ status: l.status }} className="inline-flex min-h-6 items-center gap-1 rounded-sm hover:underline"><RobotLight status={l.status} word={false} />{l.count} {l.status === "draining" ? "draining or drained" : l.status}</Link>
        ))}
        {figures?.total_robots === 0 && <Allowed to="administer"><Link to="/robots/add" className="font-medium text-accent hover:underline">Add a robot</Link></Allowed>}
      </Tile>
      <Tile name="Runs today" value={figures ? formatCount(figures.total_jobs_today) : <Bone />}>
        {figures && (
          <>
            <span>{formatCount(figures.completed_jobs_today)} completed</span>
            <span>{formatCount(figures.failed_jobs_today)} failed</span>
          </>
        )}
      </Tile>
      <Tile name="Success rate today" value={figures ? (figures.completed_jobs_today + figures.failed_jobs_today > 0 ? formatPercent(figures.success_rate) : "–") : <Bone />}>
        <Trend outcomes={outcomes} of={(b) => b.success_rate} max={100} color="var(--state-completed)" label={`Success rate ${when}`} />
      </Tile>
      <Tile name="Average execution today" value={figures ? (figures.average_execution_time > 0 ? formatDuration(figures.average_execution_time) : "–") : <Bone />}>
        <Trend outcomes={outcomes} of={(b) => b.average_seconds} label={`Average execution time ${when}`} />
      </Tile>
    </div>
  );
}

function StateLink({ state, count, search }: { state: ShownState; count: number | undefined; search: Search }) {
  return (
    <Link to="/runs" search={search} title={STATE_MEANINGS[state]} className="group min-w-0 rounded-md px-1 py-1.5 hover:bg-hover sm:px-2">
      <span style={{ color: count ? stateColor(state) : "var(--faint)" }} className="flex items-center gap-1.5">
        <StateIcon state={state} still={!count} size={15} />
        <span className="text-lg leading-5 font-semibold text-fg">{count === undefined ? "·" : formatCount(count)}</span>
      </span>
      <span className={cx("block truncate text-2xs tracking-tight text-muted group-hover:text-fg sm:text-xs sm:tracking-normal", state === "cancelled" && "line-through decoration-1")}>{STATE_WORDS[state]}</span>
    </Link>
  );
}

const Group = ({ name, meaning, children }: { name: string; meaning?: string; children: ReactNode }) => (
  <section aria-label={`Runs ${name.toLowerCase()}`} className="rounded-lg border border-line bg-surface px-2 pt-2 pb-1 shadow-card">
    <h2 title={meaning} className="px-2 text-xs font-medium text-muted">{name}</h2>
    <div className="grid grid-cols-5">{children}</div>
  </section>
);

/** How many runs are in which state: those that are open now, and those that ended within the chosen time. */
export function StateRow({ outcomes, span }: { outcomes: Outcomes | undefined; span: Span }) {
  const states = useQuery(q.states()).data;
  const now = (name: string) => states?.items.find((s) => s.state === name)?.count;
  const ended = (name: "completed" | "failed" | "timed_out" | "crashed" | "cancelled") => outcomes?.items.reduce((sum, b) => sum + b[name], 0);
  return (
    <div className="grid gap-3 lg:grid-cols-2 lg:gap-4">
      <Group name="Now">
        <StateLink state="late" count={states?.late} search={{ late: "true" }} />
        <StateLink state="running" count={now("running")} search={{ state: "running" }} />
        <StateLink state="queued" count={now("queued")} search={{ state: "queued" }} />
        <StateLink state="pending" count={now("pending")} search={{ state: "pending" }} />
        <StateLink state="paused" count={now("paused")} search={{ state: "paused" }} />
      </Group>
      <Group name={span.range ? `Ended in the last ${span.range}` : "Ended in this time"} meaning="Each run counts once, as it ended last; one that is retried by hand counts again when it ends.">
        {(["completed", "failed", "timed_out", "crashed", "cancelled"] as const).map((s) => <StateLink key={s} state={s} count={ended(s)} search={{ state: s, ...endedIn(span) }} />)}
      </Group>
    </div>
  );
}
