// Every transition of a run, and where its time went.
import { useQuery } from "@tanstack/react-query";
import { q, type Run, type RunEvent } from "@/api";
import { phases, type Phase } from "@/lib/latency";
import { useNow } from "@/lib/preferences";
import { isTerminal, fillColor, type ShownState } from "@/lib/states";
import { formatDuration } from "@/lib/time";
import { Card, ErrorState, ExactTime, SkeletonRows, StateBadge, Tooltip } from "@/ui";

const COLORS: Record<Phase["name"], ShownState> = { "Earlier attempts": "cancelled", "Until due": "scheduled", "To the queue": "pending", "In the queue": "queued", Handover: "dispatched", Running: "running" };

export function LatencyBar({ run }: { run: Run }) {
  const now = useNow(isTerminal(run.state) ? 0 : 1000);
  const all = phases(run, now);
  const total = all.reduce((sum, p) => sum + (p.to - p.from), 0) || 1;
  return (
    <div>
      <div className="flex h-3 gap-px overflow-hidden rounded-full" role="img" aria-label={all.map((p) => `${p.name}: ${formatDuration((p.to - p.from) / 1000)}`).join(", ")}>
        {all.map((p) => (
          <Tooltip key={p.name} text={<>{p.meaning}: {formatDuration((p.to - p.from) / 1000)}</>}>
            <span className={p.open ? "hatched block" : "block"} style={{ flex: `${Math.max(p.to - p.from, total * 0.006)} 0 0`, backgroundColor: fillColor(COLORS[p.name]), color: "var(--surface)" }} />
          </Tooltip>
        ))}
      </div>
      <dl className="mt-3 flex flex-wrap gap-x-6 gap-y-2">
        {all.map((p) => (
          <div key={p.name} className="min-w-20">
            <dt className="flex items-center gap-1.5 text-xs text-muted"><span className="size-2 rounded-[2px]" style={{ background: fillColor(COLORS[p.name]) }} />{p.name}</dt>
            <dd className="text-base font-medium">{formatDuration((p.to - p.from) / 1000)}</dd>
          </div>
        ))}
        <div className="ml-auto min-w-20 text-right">
          <dt className="text-xs text-muted">From acceptance {isTerminal(run.state) ? "to the end" : "until now"}</dt>
          <dd className="text-base font-medium">{formatDuration(total / 1000)}</dd>
        </div>
      </dl>
    </div>
  );
}

/** What the events of the state machine mean to people. */
const EVENT_WORDS: Record<string, string> = {
  created: "Accepted",
  due: "Its time has come",
  postpone: "Put off",
  refuse: "Refused",
  assign: "Given to a robot",
  reject: "The robot would not have it now",
  reject_for_good: "The robot says that none could run it",
  unanswered: "The robot did not answer",
  start: "Started",
  finish_completed: "Finished well",
  finish_failed: "The flow failed",
  finish_timed_out: "Ended at its time limit",
  finish_crashed: "Its process was lost",
  finish_handed_back: "The robot could not set it up and handed it back",
  finish_cancelled: "Stopped, as asked",
  run_deadline: "Its time limit passed",
  start_deadline: "It had to start by then",
  lease_lapsed: "Its robot was lost",
  cancel: "A cancel was asked",
  cancel_deadline: "The grace of the cancel passed",
  pause: "Paused",
  resume: "Goes on",
  pause_expired: "Was paused for too long",
  retry: "To be tried again",
};

function EventRow({ event, before }: { event: RunEvent; before: RunEvent | undefined }) {
  const since = before ? (Date.parse(event.at) - Date.parse(before.at)) / 1000 : null;
  return (
    <li className="grid grid-cols-[96px_1fr] items-center gap-x-4 gap-y-0.5 border-t border-line px-4 py-2 text-sm first:border-t-0 sm:grid-cols-[110px_72px_130px_1fr_140px]">
      <span className="font-mono text-xs text-muted"><ExactTime at={event.at} look="clock" millis /></span>
      <span className="text-right text-xs text-faint max-sm:hidden">{since === null ? "" : `+${formatDuration(since)}`}</span>
      <StateBadge state={event.to} still />
      <span className="min-w-0 break-words max-sm:col-span-2"><span className="text-muted">{EVENT_WORDS[event.event] ?? event.event.replaceAll("_", " ")}</span>{event.message && <> · {event.message}</>}</span>
      <span className="truncate text-right text-xs text-muted max-sm:hidden" title={event.fence ? `fence ${event.fence}` : undefined}>{event.actor}</span>
    </li>
  );
}

export function Transitions({ run, attempt }: { run: Run; attempt: number | undefined }) {
  const events = useQuery(q.runEvents(run.id));
  const all = events.data?.items ?? [];
  const shown = attempt === undefined ? all : all.filter((e) => e.attempt === attempt);
  return (
    <div className="mx-auto w-full max-w-[1440px] space-y-4 px-4 py-4 sm:px-6">
      {(attempt === undefined || attempt === run.attempt) && <Card title="Where the time went"><LatencyBar run={run} /></Card>}
      <Card title="Transitions" flush>
        {events.error ? <ErrorState error={events.error} onRetry={() => void events.refetch()} />
        : events.isPending ? <SkeletonRows rows={5} />
        : <ol className="pb-1">{shown.map((event) => <EventRow key={event.seq} event={event} before={all[all.indexOf(event) - 1]} />)}</ol>}
      </Card>
    </div>
  );
}
