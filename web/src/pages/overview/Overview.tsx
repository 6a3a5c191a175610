// The overview: the whole fleet at a glance, live.
import { useMemo } from "react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { isRange, RANGES, RANGE_SECONDS, RANGE_STEP, type Range } from "@/lib/chart";
import { useNow } from "@/lib/preferences";
import type { Search } from "@/lib/search";
import { ErrorState, Page, Segmented } from "@/ui";
import { ActivityChart, DurationChart } from "./Charts";
import { Late, Next, Recent } from "./Lists";
import { StateRow, Tiles } from "./Tiles";

/** Points of the scatter: as many as can be told apart. */
const MOST_POINTS = 300;
const RECENT = 12;

export function Overview() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const range: Range = isRange(search.range) ? search.range : "24h";
  const step = RANGE_STEP[range];
  const minute = useNow(60_000);
  const now = Math.floor(minute / 60_000) * 60_000;
  const from = useMemo(() => new Date((Math.floor(now / 1000 / step) * step - RANGE_SECONDS[range] + step) * 1000).toISOString(), [now, step, range]);
  const outcomes = useQuery({ ...q.outcomes({ from, step_seconds: step }, ["overview", range]), refetchInterval: 30_000 });
  const runs = useQuery({ ...q.runs({ limit: MOST_POINTS }), staleTime: 2_000 });
  const states = useQuery(q.states());
  const rates = useMemo(() => (outcomes.data?.items ?? []).map((b) => b.success_rate).filter((r): r is number => r != null), [outcomes.data]);
  const items = useMemo(() => runs.data?.items ?? [], [runs.data]);
  // What is only scheduled must not bury what happened.
  const recent = useMemo(
    () => items.filter((r) => r.state !== "pending" || Date.parse(r.due_at) <= Date.now()).sort((a, b) => b.changed_at.localeCompare(a.changed_at)).slice(0, RECENT),
    [items],
  );
  return (
    <Page
      title="Overview"
      actions={
        <Segmented label="Time range" value={range} onChange={(next) => void navigate({ to: "/", search: next === "24h" ? {} : { range: next }, replace: true })} options={RANGES.map((r) => ({ value: r, label: r, title: `The last ${r}` }))} />
      }
    >
      {outcomes.error && runs.error ? (
        <ErrorState error={runs.error} onRetry={() => { void runs.refetch(); void outcomes.refetch(); }} />
      ) : (
        <div className="space-y-3 lg:space-y-4">
          <Tiles outcomes={outcomes.data} rates={rates} />
          <StateRow outcomes={outcomes.data} range={range} />
          <div className="grid gap-3 lg:grid-cols-2 lg:gap-4">
            <ActivityChart outcomes={outcomes.data} range={range} now={now} />
            <DurationChart runs={items} range={range} now={now} />
          </div>
          <div className="grid items-start gap-3 lg:grid-cols-[1.25fr_1fr] lg:grid-rows-[auto_1fr] lg:gap-4">
            <Recent runs={recent} loading={runs.isPending} />
            <Late count={states.data?.late} />
            <Next />
          </div>
        </div>
      )}
    </Page>
  );
}
