// The overview: the whole fleet at a glance, live.
import { useMemo } from "react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { useNow } from "@/lib/preferences";
import type { Search } from "@/lib/search";
import { askedFor, spanOf } from "@/lib/span";
import { ErrorState, Page, SpanPicker } from "@/ui";
import { ActivityChart, DurationChart } from "./Charts";
import { FirstSteps } from "./FirstSteps";
import { Late, Next, Recent } from "./Lists";
import { StateRow, Tiles } from "./Tiles";

/** Points of the scatter: as many as can be told apart, and as many rows as a first load can bear. */
const MOST_POINTS = 100;
const RECENT = 15;

export function Overview() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const minute = Math.floor(useNow(60_000) / 60_000) * 60_000;
  const span = useMemo(() => spanOf(search, minute), [search.range, search.after, search.before, minute]);
  const asked = useMemo(() => askedFor(span), [span]);
  const setSearch = (next: Search) => void navigate({ to: "/", search: next, replace: true });
  const outcomes = useQuery({ ...q.outcomes({ ...asked, step_seconds: span.step }, ["overview", span.range ?? asked]), refetchInterval: 30_000 });
  // A span that ends now also shows what began before it: the latest runs are what people come for.
  const own = useMemo(() => (span.range ? {} : { created_after: asked.from, created_before: asked.until }), [span.range, asked]);
  const runs = useQuery({ ...q.runs({ ...own, limit: MOST_POINTS }), staleTime: 2_000 });
  const states = useQuery(q.states());
  // Without a time of its own the list is of all runs, so an empty one says that there never was any.
  const isNew = span.range !== undefined && runs.data?.items.length === 0;
  const items = useMemo(() => runs.data?.items ?? [], [runs.data]);
  // What is only scheduled must not bury what happened.
  const recent = useMemo(
    () => items.filter((r) => r.state !== "pending" || Date.parse(r.due_at) <= Date.now()).sort((a, b) => b.changed_at.localeCompare(a.changed_at)).slice(0, RECENT),
    [items],
  );
  return (
    <Page title="Overview" actions={<SpanPicker span={span} search={search} onChange={setSearch} />}>
      {outcomes.error && runs.error ? (
        <ErrorState error={runs.error} onRetry={() => { void runs.refetch(); void outcomes.refetch(); }} />
      ) : (
        <div className="space-y-3 lg:space-y-4">
          {isNew && <FirstSteps />}
          <Tiles outcomes={outcomes.data} span={span} />
          <StateRow outcomes={outcomes.data} span={span} />
          {!isNew && (
            <>
              <div className="grid gap-3 lg:grid-cols-2 lg:gap-4">
                <ActivityChart outcomes={outcomes.data} span={span} onZoom={(after, before) => setSearch({ ...search, range: "", after, before })} />
                <DurationChart runs={items} loading={runs.isPending} span={span} />
              </div>
              <div className="grid items-start gap-3 lg:grid-cols-[1.25fr_1fr] lg:grid-rows-[auto_1fr] lg:gap-4">
                <Recent runs={recent} loading={runs.isPending} />
                <Late count={states.data?.late} />
                {states.data && <Next />}
              </div>
            </>
          )}
        </div>
      )}
    </Page>
  );
}
