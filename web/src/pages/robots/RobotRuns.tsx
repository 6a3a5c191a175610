// The runs that were on a robot.
import { useMemo } from "react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type Robot } from "@/api";
import { DataTable, EmptyState, ErrorState } from "@/ui";
import { runColumns, RunRowCard } from "../runs/columns";

export function RobotRuns({ robot }: { robot: Robot }) {
  const navigate = useNavigate();
  const found = useQuery(q.runs({ robot: robot.id, limit: 100 }));
  const columns = useMemo(() => runColumns(false, () => void navigate({ to: "/runs", search: { robot: robot.name, order: "ascending" } })).filter((c) => c.id !== "robot"), [navigate, robot.name]);
  if (found.error) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <DataTable
      label={`Runs of ${robot.name}`}
      rows={found.data?.items ?? []}
      columns={columns}
      rowId={(r) => r.id}
      card={(r) => <RunRowCard run={r} />}
      cardHeight={64}
      loading={found.isPending}
      onOpen={(r) => void navigate({ to: "/runs/$run", params: { run: r.id } })}
      footer={<p className="py-3 text-center text-xs"><Link to="/runs" search={{ robot: robot.name }} className="font-medium text-muted hover:underline">All its runs</Link></p>}
      empty={<EmptyState title="It has run nothing yet">Runs come from the queues that it serves, or are sent to it.</EmptyState>}
    />
  );
}
