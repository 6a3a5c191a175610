// What a work queue would give out next, in the order in which the dispatcher looks.
import { Link } from "@tanstack/react-router";
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, type Queue } from "@/api";
import { Button, Card, CARD_LINK, EmptyState, ErrorState, RelativeTime, SkeletonRows } from "@/ui";
import { PriorityMark, RunName, RunState } from "../shared/RunBits";

const PAGE = 15;

export function Peek({ queue }: { queue: Queue }) {
  const found = useInfiniteQuery({
    queryKey: ["queues", queue.id, "peek"],
    queryFn: ({ pageParam, signal }) => api.peekQueue(queue.id, { limit: PAGE, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const runs = found.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Card title="Next in line" flush aside={queue.depth > 0 && <Link to="/runs" search={{ queue: queue.name, state: "queued" }} className={CARD_LINK}>All that wait</Link>}>
      {found.error && !found.data ? (
        <ErrorState error={found.error} onRetry={() => void found.refetch()} />
      ) : found.isPending ? (
        <SkeletonRows rows={4} />
      ) : runs.length === 0 ? (
        <EmptyState title="Nothing waits" className="py-8">A run that is due waits here until a robot takes it.</EmptyState>
      ) : (
        <>
          <ol className="divide-y divide-line border-t border-line">
            {runs.map((run, i) => (
              <li key={run.id} className="grid h-9 grid-cols-[24px_minmax(0,1fr)_auto] items-center gap-3 px-4 hover:bg-hover sm:grid-cols-[24px_112px_minmax(0,1fr)_minmax(0,1fr)_96px]">
                <span className="text-right text-xs text-faint">{i + 1}</span>
                <span className="hidden sm:flex"><RunState run={run} /></span>
                <span className="flex min-w-0 items-center gap-1.5"><RunName run={run} /><PriorityMark priority={run.priority} /></span>
                <span className="hidden truncate text-muted sm:block">{run.label}</span>
                <span className="text-right text-muted"><RelativeTime at={run.due_at} /></span>
              </li>
            ))}
          </ol>
          {found.hasNextPage && <p className="border-t border-line p-2 text-center"><Button size="sm" weight="quiet" busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>Show more</Button></p>}
        </>
      )}
    </Card>
  );
}
