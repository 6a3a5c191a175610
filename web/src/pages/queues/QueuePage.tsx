// One work queue: what waits, what would come next, who holds its limit, how robots are chosen; pause and resume.
import { useState } from "react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CirclePause, CirclePlay, Ellipsis, Trash2 } from "lucide-react";
import { api, q, type Queue } from "@/api";
import { formatCount, formatRate } from "@/lib/format";
import { formatDuration } from "@/lib/time";
import { Allowed, useMay } from "@/shell/session";
import { Button, buttonClass, Card, CommandLine, Confirm, Copyable, IconButton, Menu, MenuItem, Page, RelativeTime, Skeleton, Sparkline, useToasts } from "@/ui";
import { isGone, NotHere } from "../shared/NotHere";
import { PausedMark, RobotsWords } from "./bits";
import { Holders } from "./Holders";
import { Peek } from "./Peek";
import { QueueSettingsForm } from "./QueueSettingsForm";
import { useLastHour } from "./useLastHour";

const crumbs = <Link to="/queues" className="hover:underline">Work queues</Link>;

export function QueuePage({ id }: { id: string }) {
  const found = useQuery(q.queue(id));
  if (found.error && (!found.data || isGone(found.error))) return <NotHere kind="work queue" error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Page title="Work queue" crumbs={crumbs}><div role="status" aria-label="Loading"><Skeleton className="h-24 w-full" /><Skeleton className="mt-4 h-64 w-full" /></div></Page>;
  return <QueueView queue={found.data} />;
}

function Figure({ name, value, children }: { name: string; value: React.ReactNode; children?: React.ReactNode }) {
  return (
    <div className="min-w-0 bg-surface px-4 py-3 max-lg:last:col-span-2">
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="mt-0.5 text-xl font-semibold">{value}</dd>
      <dd className="mt-0.5 min-h-4 truncate text-xs text-muted">{children}</dd>
    </div>
  );
}

function Figures({ queue }: { queue: Queue }) {
  const hour = useLastHour();
  const rates = hour.rates.get(queue.id) ?? [];
  const limit = queue.settings.concurrency_limit;
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line shadow-card lg:grid-cols-5">
      <Figure name="Waiting" value={formatCount(queue.depth)}><Sparkline values={hour.depths.get(queue.id) ?? []} width={140} height={18} label="Depth over the last hour" /></Figure>
      <Figure name="Oldest wait" value={queue.oldest_wait_seconds ? formatDuration(queue.oldest_wait_seconds) : "–"}>{queue.oldest_due_at && <>due <RelativeTime at={queue.oldest_due_at} /></>}</Figure>
      <Figure name="Running" value={limit == null ? queue.live : `${queue.live} of ${limit}`}>{limit == null ? "No limit" : queue.live >= limit ? "The limit is reached" : "Within the limit"}</Figure>
      <Figure name="Rate" value={formatRate(rates)}><Sparkline values={rates} width={140} height={18} label="Runs that ended, over the last hour" /></Figure>
      <Figure name="Robots online" value={queue.robots === 0 ? "None" : `${queue.robots_online} of ${queue.robots}`}>{queue.robots_online === 0 ? <RobotsWords queue={queue} /> : "serve it"}</Figure>
    </dl>
  );
}

function QueueView({ queue }: { queue: Queue }) {
  const client = useQueryClient();
  const toasts = useToasts();
  const navigate = useNavigate();
  const mayDelete = useMay("deploy");
  const [deleting, setDeleting] = useState(false);
  const paused = queue.settings.paused;
  const turn = useMutation({
    mutationFn: () => (paused ? api.resumeQueue(queue.id) : api.pauseQueue(queue.id)),
    onSuccess: () => toasts.done(paused ? `${queue.name} gives out runs again` : `${queue.name} is paused`, paused ? undefined : "What runs goes on; nothing new starts."),
    onError: (error) => toasts.error("That did not work", error),
    onSettled: () => client.invalidateQueries({ queryKey: ["queues"] }),
  });
  const remove = async () => {
    try {
      await api.deleteQueue(queue.id);
      void navigate({ to: "/queues" });
      void client.invalidateQueries({ queryKey: ["queues"] });
    } catch (error) {
      toasts.error(`${queue.name} was not deleted`, error);
      throw error;
    }
  };
  return (
    <Page
      title={queue.name}
      crumbs={crumbs}
      aside={paused && <PausedMark />}
      actions={
        <>
          <Link to="/runs" search={{ queue: queue.name }} className={buttonClass("plain")}>Its runs</Link>
          <Allowed to="operate"><Button busy={turn.isPending} weight={paused ? "primary" : "plain"} icon={paused ? <CirclePlay size={14} /> : <CirclePause size={14} />} onClick={() => turn.mutate()}>{paused ? "Resume" : "Pause"}</Button></Allowed>
          {mayDelete && queue.name !== "default" && <Menu trigger={<IconButton label="More" weight="plain"><Ellipsis size={16} /></IconButton>}><MenuItem danger icon={<Trash2 size={14} />} onSelect={() => setDeleting(true)}>Delete…</MenuItem></Menu>}
        </>
      }
    >
      {queue.settings.description && <p className="-mt-1 mb-4 text-sm text-muted">{queue.settings.description}</p>}
      <div className="flex flex-col gap-4">
        <Figures queue={queue} />
        {queue.robots === 0 && (
          <Card title="No robot serves it">
            <p className="mb-2 text-sm text-muted">Runs wait in it until a robot does. Start one with the name of the queue on the machine that should work:</p>
            <CommandLine command={`baton robot --queue ${/^[\w.-]+$/.test(queue.name) ? queue.name : JSON.stringify(queue.name)}`} />
          </Card>
        )}
        <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_340px]">
          <div className="flex min-w-0 flex-col gap-4">
            <Peek queue={queue} />
            <Card title="Running now" flush><Holders holders={queue.holders} empty="Nothing from it runs." /></Card>
          </div>
          <div className="flex min-w-0 flex-col gap-4">
            <QueueSettingsForm key={JSON.stringify(queue.settings)} queue={queue} />
            <p className="px-1"><Copyable text={queue.id} label="Copy id" /></p>
          </div>
        </div>
      </div>
      <Confirm open={deleting} onOpenChange={setDeleting} title={`Delete ${queue.name}?`} description="Only a queue that no deployment and no run uses can be deleted." action="Delete" onConfirm={remove} />
    </Page>
  );
}
