// The columns of the runs table, and the same row as a card for narrow screens.
import type { ColumnDef } from "@tanstack/react-table";
import type { Run } from "@/api";
import { ArrowDown, ArrowUp } from "lucide-react";
import { RelativeTime, Words } from "@/ui";
import { PriorityMark, RunDuration, RunName, RunState, TriggerText, UnheardMark } from "../shared/RunBits";

function OrderHeader({ ascending, onOrder }: { ascending: boolean; onOrder: () => void }) {
  return (
    <button type="button" onClick={onOrder} aria-label={ascending ? "Created, oldest first; show newest first" : "Created, newest first; show oldest first"} className="inline-flex items-center gap-1 rounded-sm font-medium hover:text-fg">
      Created {ascending ? <ArrowUp size={12} aria-hidden /> : <ArrowDown size={12} aria-hidden />}
    </button>
  );
}

/** The flow, and its deployment where that has a name of its own; the label is for whoever looks closer. */
function FlowName({ run }: { run: Run }) {
  const own = run.deployment_name && run.deployment_name !== "default" ? run.deployment_name : undefined;
  return (
    <span className="flex min-w-0 items-baseline" title={own ? `${run.flow_name}/${own}\n${run.label}` : `${run.flow_name}\n${run.label}`}>
      <span className="truncate">{run.flow_name}</span>
      {own && <span className="max-w-[45%] shrink-0 truncate text-muted">/{own}</span>}
    </span>
  );
}

export const runColumns = (ascending: boolean, onOrder: () => void): ColumnDef<Run>[] => [
  { id: "state", header: "State", cell: ({ row }) => <RunState run={row.original} />, meta: { track: "132px" } },
  {
    id: "name",
    header: "Run",
    cell: ({ row }) => <span className="flex min-w-0 items-center gap-1.5"><RunName run={row.original} /><PriorityMark priority={row.original.priority} /></span>,
    meta: { track: "minmax(150px, 1.1fr)" },
  },
  { id: "flow", header: "Flow", cell: ({ row }) => <FlowName run={row.original} />, meta: { track: "minmax(160px, 1.5fr)" } },
  { id: "created", header: () => <OrderHeader ascending={ascending} onOrder={onOrder} />, cell: ({ row }) => <span className="text-muted"><RelativeTime at={row.original.created_at} /></span>, meta: { track: "80px", align: "right" } },
  { id: "duration", header: "Took", cell: ({ row }) => <RunDuration run={row.original} />, meta: { track: "76px", align: "right" } },
  { id: "robot", header: "Robot", cell: ({ row }) => <span className="flex min-w-0 items-center gap-1.5 text-muted"><span className="truncate">{row.original.robot_name ?? "–"}</span>{row.original.unheard && <UnheardMark unheard={row.original.unheard} />}</span>, meta: { track: "minmax(116px, .7fr)", from: 760 } },
  { id: "queue", header: "Queue", cell: ({ row }) => <span className="truncate text-muted">{row.original.queue_name}</span>, meta: { track: "minmax(84px, .5fr)", from: 900 } },
  { id: "trigger", header: "Started by", cell: ({ row }) => <TriggerText trigger={row.original.trigger} />, meta: { track: "minmax(124px, .6fr)", from: 1000 } },
  {
    id: "tags",
    header: "Tags",
    cell: ({ row }) => <Words words={row.original.tags} letters={16} />,
    meta: { track: "minmax(120px, .9fr)", from: 1180 },
  },
];

export function RunRowCard({ run }: { run: Run }) {
  return (
    <>
      <span className="flex items-center gap-2">
        <RunName run={run} />
        <PriorityMark priority={run.priority} />
        <span className="ml-auto"><RunState run={run} /></span>
      </span>
      <span className="mt-1 flex items-center gap-2 text-xs text-muted">
        <span className="truncate">{run.flow_name}</span>
        <span className="ml-auto flex shrink-0 gap-1.5">{run.started_at && <><span>{run.ended_at ? "took" : "for"} <RunDuration run={run} /></span><span aria-hidden>·</span></>}<RelativeTime at={run.created_at} /></span>
      </span>
    </>
  );
}
