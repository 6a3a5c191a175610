// What a task took, gave and suffered; shown beside the timeline or the graph.
import { Link } from "@tanstack/react-router";
import { ScrollText, X } from "lucide-react";
import type { TaskRun } from "@/api";
import { Badge, Duration, ExactTime, IconButton, JsonView, StateBadge, buttonClass } from "@/ui";

export function TaskDetail({ task, onClose }: { task: TaskRun; onClose: () => void }) {
  return (
    <aside aria-label={`Task ${task.name}`} className="flex min-h-0 w-full shrink-0 flex-col border-line bg-surface max-md:max-h-[46%] max-md:border-t md:w-[340px] md:border-l">
      <header className="flex items-start gap-2 px-4 pt-3">
        <div className="min-w-0 flex-1">
          <h2 className="truncate text-sm font-semibold">{task.name}</h2>
          <p className="truncate font-mono text-xs text-muted">{task.key}</p>
        </div>
        <IconButton size="sm" label="Close" onClick={onClose}><X size={15} /></IconButton>
      </header>
      <div className="min-h-0 flex-1 space-y-3 overflow-auto px-4 pt-2 pb-4">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          <StateBadge state={task.state} />
          <Duration from={task.started_at} to={task.ended_at} live={task.state === "running"} />
          {task.tries > 1 && <span className="text-muted">{task.tries} tries</span>}
          {task.started_at && <span className="text-muted"><ExactTime at={task.started_at} look="clock" millis /></span>}
        </div>
        {task.after.length > 0 && <p className="flex flex-wrap items-center gap-1 text-xs text-muted">Waited for {task.after.map((key) => <Badge key={key} mono>{key}</Badge>)}</p>}
        {task.error && (
          <div className="rounded-md border border-line bg-sunken p-3 text-sm">
            <p className="break-words text-failed">{task.error.message}</p>
            {task.error.stack && <pre className="mt-2 max-h-60 overflow-auto text-xs leading-[18px] whitespace-pre-wrap text-muted">{task.error.stack}</pre>}
          </div>
        )}
        {task.data !== null && task.data !== undefined && <JsonView value={task.data} label="What it took and gave" />}
        <Link from="/runs/$run" to="/runs/$run" search={{ task: task.key } as never} className={buttonClass("plain", "sm")}><ScrollText size={13} /> Its log lines</Link>
      </div>
    </aside>
  );
}
