// One deployment: its schedules, what it did, and everything that is set of it.
import { useState } from "react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Pencil, Play, Trash2 } from "lucide-react";
import { q, type Deployment } from "@/api";
import { Allowed, useMay } from "@/shell/session";
import { Badge, Button, Card, Copyable, IconButton, Menu, MenuItem, Page, Skeleton } from "@/ui";
import { DeleteDialog } from "../shared/DeleteDialog";
import { HistoryCalendar } from "../shared/HistoryCalendar";
import { LatestRuns } from "../shared/LatestRuns";
import { isGone, NotHere } from "../shared/NotHere";
import { RunDeployment } from "../shared/RunDeployment";
import { DeploymentSwitch } from "./columns";
import { EditDeployment } from "./EditDeployment";
import { Schedules } from "./Schedules";
import { SettingsFacts } from "./SettingsFacts";
import { useRefreshDeployments } from "./verbs";

const crumbs = <Link to="/deployments" className="hover:underline">Deployments</Link>;

export function DeploymentPage() {
  const { deployment: id } = useParams({ strict: false }) as { deployment: string };
  const found = useQuery(q.deployment(id));
  if (found.error && (!found.data || isGone(found.error))) return <NotHere kind="deployment" error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) {
    return (
      <Page title="Deployment" crumbs={crumbs}>
        <div role="status" aria-label="Loading" className="grid gap-4 lg:grid-cols-[1fr_360px]"><Skeleton className="h-64 w-full" /><Skeleton className="h-96 w-full" /></div>
      </Page>
    );
  }
  return <DeploymentView key={found.data.id} deployment={found.data} />;
}

type Open = "run" | "edit" | "delete" | null;

function DeploymentView({ deployment: d }: { deployment: Deployment }) {
  const [open, setOpen] = useState<Open>(null);
  const navigate = useNavigate();
  const refresh = useRefreshDeployments();
  const mayEdit = useMay("deploy");
  const close = () => setOpen(null);
  return (
    <Page
      title={d.full_name}
      crumbs={<>{crumbs} <span aria-hidden>/</span> <Link to="/flows/$flow" params={{ flow: d.flow_id }} className="hover:underline">{d.flow_name}</Link></>}
      aside={
        <span className="flex shrink-0 items-center gap-2">
          {d.version ? <Badge mono title={d.settings.version_id ? "Pinned to this version" : "Follows the newest active version"}>v{d.version}{d.settings.version_id ? " pinned" : ""}</Badge> : <Badge>no active version</Badge>}
          {d.schedules.length > 0 && <label className="flex items-center gap-2 text-xs text-muted"><DeploymentSwitch deployment={d} /><span className="max-sm:sr-only">{d.settings.paused ? "Schedules paused" : "Schedules on"}</span></label>}
        </span>
      }
      actions={
        <>
          <Allowed to="run"><Button weight="primary" icon={<Play size={14} />} onClick={() => setOpen("run")}>Run now</Button></Allowed>
          {mayEdit && <Button icon={<Pencil size={14} />} onClick={() => setOpen("edit")}>Edit</Button>}
          {mayEdit && (
            <Menu trigger={<IconButton label="More" weight="plain"><Ellipsis size={16} /></IconButton>}>
              <MenuItem icon={<Trash2 size={14} />} danger onSelect={() => setOpen("delete")}>Delete…</MenuItem>
            </Menu>
          )}
        </>
      }
    >
      {d.settings.description && <p className="-mt-1 mb-4 max-w-3xl text-sm text-muted">{d.settings.description}</p>}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_360px]">
        <div className="in-order flex min-w-0 flex-col gap-4">
          <Schedules deployment={d} />
          <LatestRuns filter={{ deployment: d.id }} />
          <Card title="History"><HistoryCalendar filter={{ deployment: d.id }} /></Card>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <SettingsFacts deployment={d} />
          <p className="px-1"><Copyable text={d.id} label="Copy id" /></p>
        </div>
      </div>
      {open === "run" && <RunDeployment deployment={d} onClose={close} />}
      {open === "edit" && <EditDeployment deployment={d} onClose={close} />}
      {open === "delete" && <DeleteDialog kind="deployment" id={d.id} name={d.full_name} onClose={close} onDeleted={() => { void refresh(); void navigate({ to: "/deployments" }); }} />}
    </Page>
  );
}
