// All flows beside the tree while none is chosen: what each is for, and how it did in the last week.
import { useMemo } from "react";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import type { Flow } from "@/api";
import { formatTick } from "@/lib/time";
import { DataTable, EmptyState, Middle, RelativeTime } from "@/ui";
import { useWeek, WeekFigures, type Week } from "../shared/week";

const columns = (week: Map<string, Week>, keep: Record<string, string>): ColumnDef<Flow>[] => [
  {
    id: "name",
    header: "Flow",
    cell: ({ row: { original: flow } }) => (
      <span className="min-w-0">
        <Link to="/flows/$flow" params={{ flow: flow.id }} search={keep} className="flex min-w-0 font-medium hover:underline"><Middle text={flow.name} /></Link>
        {flow.description && <span className="block truncate text-xs text-muted" title={flow.description}>{flow.description}</span>}
      </span>
    ),
    meta: { track: "minmax(180px, 2fr)" },
  },
  { id: "week", header: "Last 7 days", cell: ({ row }) => <WeekFigures week={week.get(row.original.id)} />, meta: { track: "176px", from: 440 } },
  { id: "took", header: "Usually takes", cell: ({ row }) => <Usual week={week.get(row.original.id)} />, meta: { track: "104px", align: "right", from: 620 } },
  { id: "changed", header: "Changed", cell: ({ row }) => <span className="text-muted"><RelativeTime at={row.original.updated_at} /></span>, meta: { track: "92px", align: "right" } },
];

const Usual = ({ week }: { week?: Week }) => (week?.p50_seconds == null ? <span className="text-faint">–</span> : <span title="The middle one of all runs of the week">{formatTick(week.p50_seconds)}</span>);

export function FlowTable({ flows, loading, keep }: { flows: readonly Flow[]; loading: boolean; keep: Record<string, string> }) {
  const week = useWeek("flow");
  const navigate = useNavigate();
  const shown = useMemo(() => columns(week, keep), [week, keep]);
  return (
    <DataTable
      label="Flows"
      rows={flows}
      columns={shown}
      rowId={(flow) => flow.id}
      rowHeight={48}
      loading={loading}
      onOpen={(flow, newTab) => (newTab ? window.open(`/flows/${flow.id}`) : void navigate({ to: "/flows/$flow", params: { flow: flow.id }, search: keep }))}
      className="border-t border-line bg-surface"
      empty={<EmptyState title="No flow fits">Nothing is called that.</EmptyState>}
    />
  );
}
