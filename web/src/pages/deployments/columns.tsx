// The columns of the deployments table, and the same row as a card for narrow screens.
import { Link } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { Play } from "lucide-react";
import type { Deployment } from "@/api";
import { formatPercent } from "@/lib/format";
import { useMay } from "@/shell/session";
import { Badge, IconButton, Middle, RelativeTime, Switch, Tooltip, Words } from "@/ui";
import { withoutZone } from "@/lib/scheduleWords";
import { WeekFigures, type Week } from "../shared/week";
import { useDeploymentSwitch } from "./verbs";

/** `Every day at 06:30 +1`: the first schedule in words, and how many more. */
export function ScheduleWords({ deployment, plain }: { deployment: Deployment; plain?: boolean }) {
  const [first, ...more] = deployment.schedules;
  if (!first) return <span className="text-faint">Only when asked</span>;
  const paused = deployment.settings.paused || first.paused;
  const { words, zone } = withoutZone(first.description);
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      <span className="min-w-0" title={deployment.schedules.map((s) => s.description).join("\n")}>
        <span className={`block truncate ${paused ? "text-faint line-through decoration-1" : ""}`}>{words}</span>
        {zone && !plain && <span className="block truncate text-xs text-muted">{zone}</span>}
      </span>
      {more.length > 0 && <Badge>+{more.length}</Badge>}
    </span>
  );
}

export function DeploymentSwitch({ deployment }: { deployment: Deployment }) {
  const turn = useDeploymentSwitch(deployment);
  const allowed = useMay("operate");
  if (deployment.schedules.length === 0) return <span className="text-faint" title="It has no schedule">–</span>;
  return (
    <Tooltip text={deployment.settings.paused ? "Schedules are paused" : "Schedules fire"}>
      <span className="inline-flex"><Switch checked={!deployment.settings.paused} disabled={!allowed || turn.isPending} onChange={(on) => turn.mutate(on)} label={`Schedules of ${deployment.full_name}`} /></span>
    </Tooltip>
  );
}

function RunButton({ deployment, onRun }: { deployment: Deployment; onRun: (d: Deployment) => void }) {
  if (!useMay("run")) return null;
  return <IconButton label="Run now" size="sm" onClick={() => onRun(deployment)}><Play size={14} /></IconButton>;
}

function Name({ deployment }: { deployment: Deployment }) {
  return (
    <span className="w-full min-w-0">
      <Link to="/deployments/$deployment" params={{ deployment: deployment.id }} aria-label={deployment.full_name} title={deployment.full_name} className="flex min-w-0 leading-5 font-medium hover:underline">
        <Middle text={deployment.flow_name} />
      </Link>
      <span className="flex min-w-0 gap-1.5 text-xs text-muted" title={deployment.settings.description || undefined}><span className={deployment.settings.description ? "max-w-[60%] shrink-0 truncate" : "truncate"}>{deployment.name}</span>{deployment.settings.description && <span className="truncate text-faint">{deployment.settings.description}</span>}</span>
    </span>
  );
}

/** Whether its schedules have all fired for the last time. */
const isOver = (d: Deployment) => d.schedules.length > 0 && d.schedules.every((s) => s.over);

export const deploymentColumns = (week: Map<string, Week>, onRun: (d: Deployment) => void): ColumnDef<Deployment>[] => [
  { id: "name", header: "Deployment", cell: ({ row }) => <Name deployment={row.original} />, meta: { track: "minmax(200px, 1.5fr)" } },
  { id: "schedule", header: "Schedule", cell: ({ row }) => <ScheduleWords deployment={row.original} />, meta: { track: "minmax(210px, 1.6fr)" } },
  { id: "next", header: "Next run", cell: ({ row }) => (row.original.settings.paused ? <span className="text-faint">paused</span> : isOver(row.original) ? <span className="text-faint">over</span> : <RelativeTime at={row.original.next_at} />), meta: { track: "92px", align: "right" } },
  { id: "week", header: "Last 7 days", cell: ({ row }) => <WeekFigures week={week.get(row.original.id)} short />, meta: { track: "132px", from: 720 } },
  { id: "queue", header: "Work queue", cell: ({ row }) => <span className="truncate text-muted">{row.original.queue_name}</span>, meta: { track: "minmax(84px, .5fr)", from: 940 } },
  {
    id: "tags",
    header: "Tags",
    cell: ({ row }) => <Words words={row.original.settings.tags} letters={15} />,
    meta: { track: "minmax(112px, .6fr)", from: 1160 },
  },
  { id: "on", header: "On", cell: ({ row }) => <DeploymentSwitch deployment={row.original} />, meta: { track: "52px" } },
  { id: "run", header: () => <span className="sr-only">Run</span>, cell: ({ row }) => <RunButton deployment={row.original} onRun={onRun} />, meta: { track: "52px", align: "right" } },
];

export function DeploymentCard({ deployment, week }: { deployment: Deployment; week?: Week }) {
  return (
    <>
      <span className="flex items-center gap-2">
        <Link to="/deployments/$deployment" params={{ deployment: deployment.id }} aria-label={deployment.full_name} className="flex min-w-0 flex-1 font-medium">
          <Middle text={deployment.full_name} />
        </Link>
        {deployment.schedules.length > 0 && <DeploymentSwitch deployment={deployment} />}
      </span>
      <span className="mt-1 flex items-center gap-3 text-xs text-muted">
        <span className="min-w-0 flex-1 truncate"><ScheduleWords deployment={deployment} plain /></span>
        {week?.success_rate != null && <span title="Success in the last 7 days">{formatPercent(week.success_rate)}</span>}
        {deployment.next_at && !deployment.settings.paused && <span className="text-fg"><RelativeTime at={deployment.next_at} /></span>}
      </span>
    </>
  );
}
