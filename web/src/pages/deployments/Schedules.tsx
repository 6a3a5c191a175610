// The schedules of a deployment: in words, when next, under which policies; on, off, changed, deleted.
import { useState } from "react";
import { CalendarPlus, Ellipsis, Pencil, Trash2 } from "lucide-react";
import { api, type Deployment, type Schedule } from "@/api";
import { formatDuration, localText } from "@/lib/time";
import { useMay } from "@/shell/session";
import { Badge, Button, Card, Confirm, EmptyState, ExactTime, IconButton, Menu, MenuItem, RelativeTime, Switch, useToasts } from "@/ui";
import { MISSED, OVERLAP } from "./policies";
import { ScheduleEditor } from "./ScheduleEditor";
import { useRefreshDeployments, useScheduleSwitch } from "./verbs";

function Row({ schedule, deployment, onEdit, onDelete }: { schedule: Schedule; deployment: Deployment; onEdit: () => void; onDelete: () => void }) {
  const turn = useScheduleSwitch(schedule);
  const operate = useMay("operate");
  const edit = useMay("deploy");
  const s = schedule.settings;
  // The switch of the deployment, as it is shown now: the schedule itself may have been read before it was turned.
  const paused = schedule.paused || deployment.settings.paused;
  return (
    <li className="flex items-start gap-3 px-4 py-3">
      <Switch checked={!schedule.paused} disabled={!operate || turn.isPending} onChange={(on) => turn.mutate(on)} label={`Schedule ${schedule.name}`} />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className={paused ? "font-medium text-muted" : "font-medium"}>{schedule.description}</span>
          <span className="text-xs text-faint">{schedule.name}</span>
        </p>
        <p className="mt-0.5 flex flex-wrap gap-x-3 text-xs text-muted">
          <span>{MISSED[s.missed.policy].short}</span>
          <span>{OVERLAP[s.overlap].short}</span>
          {s.jitter_seconds > 0 && <span>Spread over {formatDuration(s.jitter_seconds)}</span>}
          {s.priority && <span>Priority {s.priority}</span>}
          {Object.keys(s.parameters).length > 0 && <span>Own parameters: {Object.keys(s.parameters).join(", ")}</span>}
          {s.ends_at && <span>Until <ExactTime at={s.ends_at} look="short" /></span>}
        </p>
      </div>
      <span className="shrink-0 text-right text-sm">
        {schedule.next_at && !paused ? <><RelativeTime at={schedule.next_at} /><span className="block text-xs text-muted">{schedule.next_local ? localText(schedule.next_local) : <ExactTime at={schedule.next_at} look="short" />}</span></> : <Badge>{paused ? "paused" : "over"}</Badge>}
      </span>
      {edit && (
        <Menu trigger={<IconButton label={`Change ${schedule.name}`} size="sm"><Ellipsis size={16} /></IconButton>}>
          <MenuItem icon={<Pencil size={14} />} onSelect={onEdit}>Edit…</MenuItem>
          <MenuItem icon={<Trash2 size={14} />} danger onSelect={onDelete}>Delete…</MenuItem>
        </Menu>
      )}
    </li>
  );
}

export function Schedules({ deployment }: { deployment: Deployment }) {
  const [editing, setEditing] = useState<Schedule | "new" | null>(null);
  const [deleting, setDeleting] = useState<Schedule | null>(null);
  const refresh = useRefreshDeployments();
  const toasts = useToasts();
  const mayEdit = useMay("deploy");
  const add = <Button size="sm" icon={<CalendarPlus size={14} />} onClick={() => setEditing("new")}>Add a schedule</Button>;
  const remove = async () => {
    if (!deleting) return;
    try {
      await api.deleteSchedule(deleting.id);
      await refresh();
      toasts.done(`The schedule ${deleting.name} is deleted`);
    } catch (error) {
      toasts.error("The schedule was not deleted", error);
      throw error;
    }
  };
  return (
    <Card title="Schedules" flush aside={mayEdit && deployment.schedules.length > 0 && add}>
      {deployment.schedules.length === 0 ? (
        <EmptyState title="It runs only when asked" className="py-8" action={mayEdit && add}>With a schedule it runs by itself: at a time of day, every so often, once, or by a cron expression.</EmptyState>
      ) : (
        <>
          {deployment.settings.paused && <p className="mx-4 mb-2 rounded-md border border-line bg-sunken px-3 py-1.5 text-xs text-muted">The deployment is paused by its switch, and all its schedules with it; none fires until it is on again.</p>}
          <ul className="divide-y divide-line">
            {deployment.schedules.map((s) => <Row key={s.id} schedule={s} deployment={deployment} onEdit={() => setEditing(s)} onDelete={() => setDeleting(s)} />)}
          </ul>
        </>
      )}
      {editing && <ScheduleEditor deployment={deployment} schedule={editing === "new" ? undefined : editing} onClose={() => setEditing(null)} />}
      <Confirm open={deleting !== null} onOpenChange={(open) => !open && setDeleting(null)} title={`Delete the schedule ${deleting?.name ?? ""}?`} description="Runs that it made stay. Runs that wait for their time are not made any more." action="Delete" onConfirm={remove} />
    </Card>
  );
}
