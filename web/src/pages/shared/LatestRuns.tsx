// The latest runs of a flow, a deployment or a queue: a strip of bars above a short table.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { Card, CARD_LINK, EmptyState, ErrorState, RelativeTime, Skeleton, SkeletonRows } from "@/ui";
import { HistoryStrip } from "./HistoryStrip";
import { plural } from "@/lib/format";
import { RunDuration, RunName, RunState, TriggerText } from "./RunBits";

const STRIP = 60;
const ROWS = 8;

type Filter = { flow?: string; deployment?: string };

export function LatestRuns({ filter }: { filter: Filter }) {
  const found = useQuery(q.runs({ ...filter, limit: STRIP }));
  const runs = found.data?.items ?? [];
  return (
    <Card title="Latest runs" flush aside={runs.length > 0 && <Link to="/runs" search={{ ...filter }} className={CARD_LINK}>All runs</Link>}>
      {found.error && !found.data ? (
        <ErrorState error={found.error} onRetry={() => void found.refetch()} />
      ) : found.isPending ? (
        <><div className="px-4 pt-1 pb-3"><Skeleton className="h-10 w-full" /></div><div className="border-t border-line"><SkeletonRows rows={ROWS} /></div></>
      ) : runs.length === 0 ? (
        <EmptyState title="It has not run yet" className="py-8">Run it now, or give it a schedule.</EmptyState>
      ) : (
        <>
          <div className="px-4 pt-1 pb-3"><HistoryStrip runs={runs} label={`The latest ${plural(runs.length, "run")}, oldest first`} /></div>
          <ul className="divide-y divide-line border-t border-line">
            {runs.slice(0, ROWS).map((run) => (
              <li key={run.id} className="grid h-9 grid-cols-[minmax(0,1fr)_auto_auto] items-center gap-3 px-4 hover:bg-hover sm:grid-cols-[128px_minmax(0,1fr)_minmax(0,120px)_72px_72px]">
                <span className="hidden sm:flex"><RunState run={run} /></span>
                <span className="flex min-w-0 items-center gap-2"><span className="inline-flex sm:hidden"><RunState run={run} /></span><RunName run={run} /></span>
                <span className="hidden min-w-0 sm:block"><TriggerText trigger={run.trigger} /></span>
                <span className="text-right"><RunDuration run={run} /></span>
                <span className="text-right text-muted"><RelativeTime at={run.created_at} /></span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
