// The deployments of one flow, with their schedules, switches and a way to run them.
import { useState } from "react";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { api, type Deployment, type Flow } from "@/api";
import { useMay } from "@/shell/session";
import { Card, CommandLine, EmptyState, ErrorState, IconButton, RelativeTime, SkeletonRows } from "@/ui";
import { DeploymentSwitch, ScheduleWords } from "../deployments/columns";
import { RunDeployment } from "../shared/RunDeployment";

export function FlowDeployments({ flow }: { flow: Flow }) {
  const found = useQuery({ queryKey: ["deployments", "of", flow.id], queryFn: ({ signal }) => api.deployments({ flow: flow.id }, { signal }) });
  const [running, setRunning] = useState<Deployment | null>(null);
  const mayRun = useMay("run");
  const items = found.data?.items ?? [];
  return (
    <Card title="Deployments" flush>
      {found.error && !found.data ? <ErrorState error={found.error} onRetry={() => void found.refetch()} /> : found.isPending ? <div className="border-t border-line"><SkeletonRows rows={1} height={44} /></div> : items.length === 0 ? (
        <EmptyState title="It is not deployed" className="py-8" action={flow.latest_version == null ? undefined : <div className="w-full max-w-md text-left"><CommandLine command={`baton deploy ./${flow.name}`} /></div>}>
          {flow.latest_version == null ? "Only its own process executes it: its runs report themselves." : "A deployment makes it runnable:"}
        </EmptyState>
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {items.map((d) => (
            <li key={d.id} className="flex min-h-11 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-1.5 hover:bg-hover">
              <Link to="/deployments/$deployment" params={{ deployment: d.id }} className="flex-1 truncate font-medium hover:underline sm:w-40 sm:flex-none">{d.name}</Link>
              <span className="order-last w-full text-sm sm:order-none sm:w-auto sm:min-w-40 sm:flex-1"><ScheduleWords deployment={d} /></span>
              <span className="w-20 text-right text-sm text-muted"><RelativeTime at={d.next_at} /></span>
              <span className="flex w-10 justify-center"><DeploymentSwitch deployment={d} /></span>
              {mayRun && <IconButton label={`Run ${d.full_name}`} size="sm" onClick={() => setRunning(d)}><Play size={14} /></IconButton>}
            </li>
          ))}
        </ul>
      )}
      {running && <RunDeployment deployment={running} onClose={() => setRunning(null)} />}
    </Card>
  );
}
