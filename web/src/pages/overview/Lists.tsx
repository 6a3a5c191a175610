// The three lists of the overview: what happens, what is late and why, what runs next.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { CalendarPlus, CircleCheck, Play } from "lucide-react";
import { q, type Run } from "@/api";
import { Card, CARD_LINK, EmptyState, RelativeTime, Skeleton } from "@/ui";
import { RunDuration, RunName, RunState } from "../shared/RunBits";

const Bones = () => <div role="status" aria-label="Loading" className="space-y-3 px-4 py-2">{[0, 1, 2, 3].map((i) => <Skeleton key={i} className="h-4 w-full" />)}</div>;

export function Recent({ runs, loading }: { runs: readonly Run[]; loading: boolean }) {
  return (
    <Card flush title="Recent activity" aside={<Link to="/runs" className={CARD_LINK}>All runs</Link>} className="lg:row-span-2">
      {loading ? <Bones /> : runs.length === 0 ? (
        <EmptyState icon={<Play size={18} />} title="Nothing was made in this time">Choose a longer time above.</EmptyState>
      ) : (
        <ul className="pb-2">
          {runs.map((run) => (
            <li key={run.id} className="grid h-9 grid-cols-[120px_1fr_auto] items-center gap-x-3 px-4 hover:bg-hover sm:grid-cols-[112px_minmax(132px,1.2fr)_minmax(90px,1fr)_56px_60px]">
              <RunState run={run} />
              <RunName run={run} />
              <span className="truncate text-muted max-sm:hidden" title={run.label}>{run.flow_name}</span>
              <span className="text-right max-sm:hidden"><RunDuration run={run} /></span>
              <span className="text-right text-muted"><RelativeTime at={run.changed_at} /></span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** Late runs that are shown: as many as are asked for. */
const MOST_LATE = 6;
const LateBones = ({ count }: { count: number }) => (
  <div role="status" aria-label="Loading" className="pb-2">
    {Array.from({ length: Math.min(count, MOST_LATE) }, (_, i) => <div key={i} className="flex h-12 flex-col justify-center gap-2 px-4"><Skeleton className="h-3 w-48" /><Skeleton className="h-2.5 w-full" /></div>)}
  </div>
);

export function Late({ count }: { count: number | undefined }) {
  const late = useQuery({ ...q.late(count ?? 0), enabled: (count ?? 0) > 0, refetchInterval: 30_000 });
  const runs = count === 0 ? [] : (late.data?.items ?? []);
  return (
    <Card flush title="Late, and why" aside={runs.length > 0 && <Link to="/runs" search={{ late: "true" }} className={CARD_LINK}>All late runs</Link>}>
      {count === undefined ? null : count > 0 && late.isPending ? <LateBones count={count} /> : runs.length === 0 ? (
        <p className="flex items-center gap-2 px-4 pt-1 pb-4 text-sm text-muted"><CircleCheck size={15} className="text-completed" aria-hidden /> Nothing is late.</p>
      ) : (
        <ul className="pb-2">
          {runs.map((run) => (
            <li key={run.id} className="px-4 py-1.5 hover:bg-hover">
              <div className="flex items-center gap-3">
                <RunName run={run} />
                <span className="truncate text-muted">{run.flow_name}</span>
                <span className="ml-auto shrink-0 text-late">due <RelativeTime at={run.due_at} /></span>
              </div>
              {run.why && <p className="truncate text-xs text-muted first-letter:uppercase" title={run.why}>{run.why}</p>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export function Next() {
  const schedules = useQuery({ ...q.schedules(), refetchInterval: 30_000 });
  const coming = (schedules.data?.items ?? []).filter((s) => s.next_at && !s.paused && !s.deployment_paused).sort((a, b) => (a.next_at as string).localeCompare(b.next_at as string)).slice(0, 6);
  return (
    <Card flush title="What runs next" aside={<Link to="/deployments" className={CARD_LINK}>All schedules</Link>}>
      {schedules.isPending ? <Bones /> : coming.length === 0 ? (
        <p className="flex items-center gap-2 px-4 pt-1 pb-4 text-sm text-muted"><CalendarPlus size={15} aria-hidden /> No schedule is on. A deployment's page makes one.</p>
      ) : (
        <ul className="pb-2">
          {coming.map((s) => (
            <li key={s.id}>
              <Link to="/deployments/$deployment" params={{ deployment: s.deployment_id }} className="grid h-9 grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)_56px] items-center gap-x-3 px-4 hover:bg-hover focus-visible:-outline-offset-2">
                <span className="truncate font-medium">{s.flow_name}</span>
                <span className="truncate text-muted" title={s.description}>{s.description}</span>
                <span className="text-right"><RelativeTime at={s.next_at} /></span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
