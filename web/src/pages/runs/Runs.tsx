// The live table of runs: every filter in the address, rows without limit, many at once.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useInfiniteQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { ArrowUp, FilterX, PlayCircle } from "lucide-react";
import { q, RUNS_PAGE, type Collection, type Run, type RunQuery } from "@/api";
import { askFor, caughtUp, MOST_ASKED } from "@/live/catchUp";
import { useLive } from "@/live/Live";
import { formatCount, plural } from "@/lib/format";
import { isFiltered, looksThrough, runQuery, withFilter } from "@/lib/runFilters";
import type { Search } from "@/lib/search";
import { useMay } from "@/shell/session";
import { Button, DataTable, EmptyState, ErrorState, Page, buttonClass } from "@/ui";
import { BulkBar, BulkDialog, type BulkTarget, type Verb } from "./Bulk";
import { runColumns, RunRowCard } from "./columns";
import { Filters } from "./Filters";

/** What changed is asked for at most this often, however many runs are made. */
const FRESH_EVERY = 1_500;

/** How often the list of late runs is asked again. */
const LATE_EVERY = 3_000;

/** Rows that the first page may grow to while it is followed; beyond it the list is cut. */
const MOST_FIRST = 5 * RUNS_PAGE;

/** Runs that the server looks into for one page of a search. */
const LOOKED_AT_ONCE = 2000;
/** Rows that fill a tall screen. */
const SCREEN = 40;
/** Pages that are looked through without being asked again: 20,000 runs. */
const MOST_LOOKED = 10;

const rowCard = (run: Run) => <RunRowCard run={run} />;

type Pages = InfiniteData<Collection<Run>>;

/** Keeps the rows that are shown true, and brings new runs to the top while it is in view; counts them while it is not. */
function useFreshRuns(queryKey: readonly unknown[], query: RunQuery, atTop: () => boolean) {
  const { subscribe } = useLive();
  const client = useQueryClient();
  const [waiting, setWaiting] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  const changed = useRef(new Set<string>());
  const catchUp = useCallback(async () => {
    const top = atTop();
    const known = new Set(client.getQueryData<Pages>(queryKey)?.pages.flatMap((p) => p.items.map((r) => r.id)));
    // Rows that are new must not push away what is read.
    const ids = [...changed.current].filter((id) => top || known.has(id));
    changed.current.clear();
    if (ids.length === 0) return;
    if (ids.length > MOST_ASKED) return void client.invalidateQueries({ queryKey });
    const found = await askFor(query, ids).catch(() => null);
    if (!found) return void client.invalidateQueries({ queryKey });
    const asked = new Set(ids);
    const ascending = query.order === "ascending";
    client.setQueryData<Pages>(queryKey, (old) => {
      if (!old) return old;
      const elsewhere = new Set(old.pages.slice(1).flatMap((p) => p.items.map((r) => r.id)));
      const first = found.filter((run) => !elsewhere.has(run.id));
      // The first page takes what is new; it may grow until the list is read anew.
      const pages = old.pages.map((page, i) => caughtUp(page, asked, i === 0 ? first : found.filter((run) => page.items.some((r) => r.id === run.id)), ascending, i === 0 ? MOST_FIRST : page.items.length));
      return pages.every((page, i) => page === old.pages[i]) ? old : { ...old, pages };
    });
  }, [client, queryKey, query, atTop]);
  const refresh = useCallback(() => {
    setWaiting(0);
    client.setQueryData<Pages>(queryKey, (old) => old && { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) });
    void client.invalidateQueries({ queryKey });
  }, [client, queryKey]);
  useEffect(() => {
    const stop = subscribe((batch) => {
      if (batch.runs.size === 0) return;
      for (const id of batch.runs.keys()) if (changed.current.size <= MOST_ASKED) changed.current.add(id);
      if (!atTop() && batch.created) setWaiting((n) => n + batch.created);
      // At once when it was quiet, then at most once per period.
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        last.current = Date.now();
        void catchUp();
      }, Math.max(30, last.current + FRESH_EVERY - Date.now()));
    });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [subscribe, catchUp, atTop]);
  return { waiting, refresh };
}

export function Runs() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const mayRun = useMay("run");
  const text = JSON.stringify(search);
  const query = useMemo(() => runQuery(search, Date.now()), [text]);
  const options = useMemo(() => q.runPages(query), [query]);
  // A run becomes late by waiting, which is no event.
  const list = useInfiniteQuery({ ...options, maxPages: undefined, staleTime: 0, refetchInterval: query.late ? LATE_EVERY : false });
  const rows = useMemo(() => list.data?.pages.flatMap((p) => p.items) ?? [], [list.data]);
  const frame = useRef<HTMLDivElement>(null);
  const scroller = () => frame.current?.querySelector<HTMLElement>("[data-table] > div");
  const atTop = useCallback(() => (scroller()?.scrollTop ?? 0) < 40, []);
  const fresh = useFreshRuns(options.queryKey, query, atTop);
  const [ids, setIds] = useState<Set<string>>(new Set());
  const [everything, setEverything] = useState(false);
  const [bulk, setBulk] = useState<{ verb: Verb; target: BulkTarget }>();

  const setSearch = useCallback((next: Search) => void navigate({ to: "/runs", search: next, replace: true }), [navigate]);
  useEffect(() => {
    setIds(new Set());
    setEverything(false);
  }, [text]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  // A search looks into the runs one by one: short pages, even empty ones, do not end it.
  const looked = list.data?.pages.length ?? 0;
  const [patience, setPatience] = useState(MOST_LOOKED);
  const searching = looksThrough(query) && hasNextPage && rows.length < SCREEN;
  const looksOn = searching && looked < patience;
  useEffect(() => setPatience(MOST_LOOKED), [text]);
  useEffect(() => {
    if (looksOn && !isFetchingNextPage && !list.isError) void fetchNextPage();
  }, [looksOn, isFetchingNextPage, list.isError, fetchNextPage]);
  const clear = () => {
    setIds(new Set());
    setEverything(false);
  };
  const filtered = isFiltered(search);
  const ascending = search.order === "ascending";
  const columns = useMemo(() => runColumns(ascending, () => setSearch(withFilter(JSON.parse(text) as Search, "order", ascending ? undefined : "ascending"))), [ascending, text, setSearch]);

  return (
    <Page title="Runs" fill>
      <Filters search={search} onChange={setSearch} />
      <div ref={frame} className="relative flex min-h-0 flex-1 flex-col border-t border-line bg-surface">
        {list.error && rows.length === 0 ? (
          <ErrorState error={list.error} onRetry={() => void list.refetch()} />
        ) : (
          <div data-table className="flex min-h-0 flex-1 flex-col">
            <DataTable
              label="Runs"
              rows={rows}
              columns={columns}
              cardHeight={64}
              rowId={(run) => run.id}
              card={rowCard}
              loading={list.isPending || (looksOn && rows.length === 0)}
              selection={mayRun ? { ids, onChange: (next) => { setIds(next); setEverything(false); } } : undefined}
              onOpen={(run, newTab) => (newTab ? void window.open(`/runs/${run.id}`) : void navigate({ to: "/runs/$run", params: { run: run.id } }))}
              onEnd={onEnd}
              footer={<p className="px-4 py-3 text-center text-xs text-faint">{searching && !looksOn ? <Button size="sm" onClick={() => setPatience(looked + MOST_LOOKED)}>Search older runs</Button> : isFetchingNextPage ? "Fetching older runs…" : hasNextPage ? " " : `${plural(rows.length, "run")}, that is all`}</p>}
              empty={
                searching ? (
                  <EmptyState icon={<FilterX size={18} />} title="Nothing found so far" action={<Button onClick={() => setPatience(looked + MOST_LOOKED)}>Search older runs</Button>}>The newest {formatCount(looked * LOOKED_AT_ONCE)} runs were looked through. A shorter span of time makes a search quick.</EmptyState>
                ) : filtered ? (
                  <EmptyState icon={<FilterX size={18} />} title="No run matches" action={<Button onClick={() => setSearch({})}>Clear the filters</Button>}>Fewer filters, or a longer span of time, may find it.</EmptyState>
                ) : (
                  <EmptyState icon={<PlayCircle size={18} />} title="Nothing has run yet" action={<Link to="/deployments" className={buttonClass("primary")}>Go to deployments</Link>}>
                    Deploy a flow with <code>baton deploy</code>, then run it from its deployment or by a schedule.
                  </EmptyState>
                )
              }
            />
          </div>
        )}
        {fresh.waiting > 0 && (
          <button type="button" onClick={() => { scroller()?.scrollTo({ top: 0 }); fresh.refresh(); }} className="absolute top-11 left-1/2 z-20 inline-flex h-7 -translate-x-1/2 animate-pop items-center gap-1.5 rounded-full border border-line-strong bg-raised px-3 text-xs font-medium shadow-pop hover:bg-hover">
            <ArrowUp size={13} aria-hidden /> {plural(fresh.waiting, "new run")}
          </button>
        )}
        {(ids.size > 0 || everything) && (
          <BulkBar count={ids.size} everything={everything} canTakeAll={filtered && ids.size >= Math.min(rows.length, 2)} onTakeAll={() => setEverything(true)} onClear={clear} onVerb={(verb) => setBulk({ verb, target: everything ? { filter: query } : { ids: [...ids].slice(0, 1000) } })} />
        )}
      </div>
      {bulk && <BulkDialog {...bulk} onClose={(done) => { setBulk(undefined); if (done) clear(); }} />}
    </Page>
  );
}
