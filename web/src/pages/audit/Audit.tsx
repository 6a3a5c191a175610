// The trail: who did what, when, to what; filtered in the address, page after page.
import { useCallback, useMemo } from "react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ColumnDef } from "@tanstack/react-table";
import { ScrollText } from "lucide-react";
import { q, type AuditEntry } from "@/api";
import { plural } from "@/lib/format";
import type { Search } from "@/lib/search";
import { spanLabel } from "@/lib/span";
import { Button, DataTable, EmptyState, ErrorState, ExactTime, Facet, Page, RelativeTime, SpanForm, useZone } from "@/ui";
import { detailLine, KINDS, subjectOf, whatOf } from "./subjects";

const ms = (text: string | undefined): number | null => (text && Number.isFinite(Date.parse(text)) ? Date.parse(text) : null);

/** One row; entries have no id of their own, so their place in the list is it. */
type Row = AuditEntry & { at_index: number };

function SubjectLink({ entry }: { entry: AuditEntry }) {
  const { word, name, href } = subjectOf(entry);
  return (
    <span className="truncate" title={entry.subject || undefined}>
      <span className="text-muted">{word}</span>{name && " "}
      {name && (href ? <Link to={href as never} className="font-medium hover:underline">{name}</Link> : <span className="font-medium">{name}</span>)}
    </span>
  );
}

const columns: ColumnDef<Row>[] = [
  { id: "at", header: "When", cell: ({ row }) => <ExactTime at={row.original.at} look="short" />, meta: { track: "128px" } },
  { id: "actor", header: "Who", cell: ({ row }) => <span className="truncate" title={row.original.actor}>{row.original.actor}</span>, meta: { track: "minmax(110px, .6fr)" } },
  { id: "what", header: "What", cell: ({ row }) => <span className="truncate first-letter:uppercase" title={row.original.kind}>{whatOf(row.original.kind)}</span>, meta: { track: "minmax(130px, .7fr)" } },
  { id: "subject", header: "To what", cell: ({ row }) => <SubjectLink entry={row.original} />, meta: { track: "minmax(190px, 1.1fr)" } },
  { id: "detail", header: "More", cell: ({ row }) => { const line = detailLine(row.original); return <span className="truncate text-muted" title={line}>{line}</span>; }, meta: { track: "minmax(160px, 2fr)", from: 800 } },
];

function EntryCard({ entry }: { entry: AuditEntry }) {
  return (
    <>
      <span className="flex items-center gap-2"><span className="truncate font-medium first-letter:uppercase">{whatOf(entry.kind)}</span><span className="ml-auto shrink-0 text-xs text-muted"><RelativeTime at={entry.at} /></span></span>
      <span className="mt-1 flex min-w-0 items-center gap-2 text-xs text-muted"><span className="max-w-32 shrink-0 truncate">{entry.actor}</span><span aria-hidden>·</span><SubjectLink entry={entry} /></span>
    </>
  );
}

export function Audit() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const zone = useZone();
  const query = useMemo(
    () => ({ kinds: search.kinds || undefined, actor: search.actor || undefined, subject: search.subject || undefined, from: search.after || undefined, until: search.before || undefined }),
    [search.kinds, search.actor, search.subject, search.after, search.before],
  );
  const list = useInfiniteQuery(q.audit(query));
  const rows = useMemo(() => (list.data?.pages ?? []).flatMap((p) => p.items).map((entry, at_index): Row => ({ ...entry, at_index })), [list.data]);
  const set = (patch: Search) => void navigate({ to: "/audit", search: { ...search, ...patch }, replace: true });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const filtered = Object.values(query).some(Boolean);
  const between = search.after || search.before;
  const actors = useMemo(() => [...new Set(rows.map((r) => r.actor))].sort().map((value) => ({ value, label: value })), [rows]);
  return (
    <Page title="Audit" fill>
      <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-6">
        <Facet name="Kind" multiple chosen={(search.kinds ?? "").split(",").filter(Boolean)} shown={KINDS.filter((k) => (search.kinds ?? "").split(",").includes(k.value)).map((k) => k.label).join(", ")} options={KINDS} onChange={(chosen) => set({ kinds: chosen.join(",") })} />
        <Facet name="Who" free chosen={search.actor ? [search.actor] : []} options={actors} onChange={(chosen) => set({ actor: chosen.at(-1) ?? "" })} />
        <Facet name="Subject" free chosen={search.subject ? [search.subject] : []} shown={search.subject ? `…${search.subject.slice(-8)}` : undefined} options={[]} onChange={(chosen) => set({ subject: chosen.at(-1) ?? "" })} />
        <Facet
          name="When"
          chosen={between ? ["between"] : []}
          shown={spanLabel(ms(search.after), ms(search.before), zone)}
          options={[]}
          onChange={() => set({ after: "", before: "" })}
          below={(close) => <SpanForm from={ms(search.after)} until={ms(search.before)} onPick={(from, until) => { close(); set({ after: new Date(from).toISOString(), before: until === null ? "" : new Date(until).toISOString() }); }} />}
        />
        {filtered && <Button weight="quiet" size="sm" onClick={() => void navigate({ to: "/audit", search: {}, replace: true })}>Clear all</Button>}
      </div>
      <div className="relative flex min-h-0 flex-1 flex-col border-t border-line bg-surface">
        {list.error && rows.length === 0 ? <ErrorState error={list.error} onRetry={() => void list.refetch()} /> : (
          <DataTable
            label="Audit"
            rows={rows}
            columns={columns}
            rowId={(r) => String(r.at_index)}
            card={(r) => <EntryCard entry={r} />}
            cardHeight={60}
            loading={list.isPending}
            onEnd={onEnd}
            onOpen={(r) => { const { href } = subjectOf(r); if (href) void navigate({ href } as never); }}
            footer={<p className="px-4 py-3 text-center text-xs text-faint">{isFetchingNextPage ? "Fetching older entries…" : hasNextPage ? " " : `${plural(rows.length, "entry", "entries")}, that is all`}</p>}
            empty={<EmptyState icon={<ScrollText size={18} />} title={filtered ? "No entry matches" : "Nothing was done yet"} action={filtered && <Button onClick={() => void navigate({ to: "/audit", search: {} })}>Clear the filters</Button>}>What people and programs do here is written down: who, when, to what.</EmptyState>}
          />
        )}
      </div>
    </Page>
  );
}
