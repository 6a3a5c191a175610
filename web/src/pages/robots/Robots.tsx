// Robots: status lights, load, what they run now.
import { useMemo } from "react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import type { ColumnDef } from "@tanstack/react-table";
import { Bot, Plus } from "lucide-react";
import { q, type Robot } from "@/api";
import type { Search } from "@/lib/search";
import { Allowed } from "@/shell/session";
import { buttonClass, Button, DataTable, EmptyState, ErrorState, Facet, Meter, Page, RelativeTime, RobotLight, ROBOT_WORDS, SearchInput, Words } from "@/ui";
import { RunLink } from "../shared/RunBits";
import { TroubleMark, troubleOf } from "./Trouble";

function Load({ robot }: { robot: Robot }) {
  return (
    <span className="flex w-full items-center gap-2">
      <span className="w-16 shrink-0"><Meter value={robot.load} label={`Load of ${robot.name}`} color={robot.load >= 1 ? "var(--state-running)" : "var(--muted)"} /></span>
      <span className="text-muted">{robot.live}/{robot.offer.max_concurrent_jobs}</span>
    </span>
  );
}

function Now({ robot }: { robot: Robot }) {
  const [first, ...rest] = robot.current_runs;
  const trouble = troubleOf(robot);
  if (!first && trouble) return <TroubleMark trouble={trouble} />;
  if (!first) return robot.draining && robot.drain_comment ? <span className="truncate text-muted">{robot.drain_comment}</span> : <span className="text-faint">–</span>;
  return <span className="flex min-w-0 gap-1.5"><RunLink id={first.run_id} name={first.run_name} />{rest.length > 0 && <span className="shrink-0 text-muted">+{rest.length}</span>}{trouble && <TroubleMark trouble={trouble} />}</span>;
}

const columns: ColumnDef<Robot>[] = [
  { id: "status", header: "Status", cell: ({ row }) => <RobotLight status={row.original.status} drained={row.original.drained} />, meta: { track: "112px" } },
  { id: "name", header: "Robot", cell: ({ row }) => <Link to="/robots/$robot" params={{ robot: row.original.id }} className="truncate font-medium hover:underline">{row.original.name}</Link>, meta: { track: "minmax(124px, 1.1fr)" } },
  { id: "computer", header: "Computer", cell: ({ row }) => <span className="truncate text-muted">{row.original.offer.computer || "–"}</span>, meta: { track: "minmax(100px, .8fr)", from: 1120 } },
  { id: "load", header: "Load", cell: ({ row }) => <Load robot={row.original} />, meta: { track: "124px" } },
  { id: "now", header: "Runs now", cell: ({ row }) => <Now robot={row.original} />, meta: { track: "minmax(130px, 1.2fr)" } },
  { id: "labels", header: "Labels", cell: ({ row }) => <Words words={row.original.offer.labels} />, meta: { track: "minmax(150px, 1.1fr)", from: 900 } },
  { id: "caps", header: "Capabilities", cell: ({ row }) => <Words words={row.original.offer.capabilities} />, meta: { track: "minmax(150px, 1fr)", from: 1020 } },
  { id: "version", header: "Version", cell: ({ row }) => <span className="truncate text-muted" title={row.original.offer.version}>{row.original.offer.version || "–"}</span>, meta: { track: "84px", from: 820 } },
  { id: "seen", header: "Last seen", cell: ({ row }) => <span className="text-muted"><RelativeTime at={row.original.last_seen} /></span>, meta: { track: "84px", align: "right" } },
];

function RobotCard({ robot }: { robot: Robot }) {
  return (
    <>
      <span className="flex items-center gap-2">
        <Link to="/robots/$robot" params={{ robot: robot.id }} className="truncate font-medium hover:underline">{robot.name}</Link>
        {robot.offer.computer !== robot.name && <span className="truncate text-xs text-muted">{robot.offer.computer}</span>}
        <span className="ml-auto"><RobotLight status={robot.status} drained={robot.drained} /></span>
      </span>
      <span className="mt-1 flex items-center gap-3 text-xs"><span className="w-28 shrink-0"><Load robot={robot} /></span><Now robot={robot} /><span className="ml-auto shrink-0 text-muted"><RelativeTime at={robot.last_seen} /></span></span>
    </>
  );
}

export function Robots() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const found = useQuery(q.robots());
  const set = (patch: Search) => void navigate({ to: "/robots", search: { ...search, ...patch }, replace: true });
  const want = (search.find ?? "").toLowerCase();
  const rows = useMemo(
    () => (found.data?.items ?? []).filter((r) => (!search.status || r.status === search.status) && (!want || [r.name, r.offer.computer, ...r.offer.labels, ...r.offer.capabilities].some((t) => t.toLowerCase().includes(want)))),
    [found.data, search.status, want],
  );
  const add = <Allowed to="administer"><Link to="/robots/add" className={buttonClass("primary")}><Plus size={14} /> Add a robot</Link></Allowed>;
  const filtered = Boolean(search.status || want);
  return (
    <Page title="Robots" fill actions={add}>
      <div className="flex items-center gap-2 px-4 pb-3 sm:px-6">
        <SearchInput label="Name, computer, label" value={search.find ?? ""} onChange={(find) => set({ find })} className="w-56 max-sm:flex-1" />
        <Facet name="Status" chosen={search.status ? [search.status] : []} shown={ROBOT_WORDS[search.status as "online"]} options={(["online", "busy", "draining", "offline"] as const).map((s) => ({ value: s, label: <RobotLight status={s} />, text: s }))} onChange={([status]) => set({ status: status ?? "" })} />
      </div>
      <div className="relative flex min-h-0 flex-1 flex-col border-t border-line bg-surface">
        {found.error && !found.data ? <ErrorState error={found.error} onRetry={() => void found.refetch()} /> : (
          <DataTable
            label="Robots"
            rows={rows}
            columns={columns}
            rowId={(r) => r.id}
            card={(r) => <RobotCard robot={r} />}
            cardHeight={64}
            rowHeight={40}
            loading={found.isPending}
            onOpen={(r) => void navigate({ to: "/robots/$robot", params: { robot: r.id } })}
            empty={filtered ? <EmptyState title="No robot matches" action={<Button onClick={() => set({ find: "", status: "" })}>Clear the filters</Button>} /> : <EmptyState icon={<Bot size={18} />} title="There is no robot yet" action={add}>A robot is a machine that executes runs. Add this one or any other with one line.</EmptyState>}
          />
        )}
      </div>
    </Page>
  );
}
