// How a run looks in every list: its state as of now, its name, who started it, how long it took.
import { Link } from "@tanstack/react-router";
import { CalendarClock, CornerDownRight, Unplug, UserRound } from "lucide-react";
import type { Priority, Run, Trigger } from "@/api";
import { useNow } from "@/lib/preferences";
import { useServer } from "@/lib/server";
import { formatShort } from "@/lib/time";
import { isTerminal, shownState, type ShownState } from "@/lib/states";
import { Duration, HoverCard, RelativeTime, StateBadge, Tooltip } from "@/ui";
import { PRIORITIES } from "./priorities";

/** Seconds after which a due run counts as late: the server's setting. */
export const useLateAfter = (): number => useServer().lateAfter;

export function useShownState(run: Run): ShownState {
  const waits = run.state === "pending" || run.state === "queued" || run.state === "dispatched";
  return shownState(run, useNow(waits ? 1000 : 0), useLateAfter());
}

export function RunState({ run, look }: { run: Run; look?: "plain" | "solid" }) {
  const state = useShownState(run);
  const percent = run.state === "running" && run.progress?.percent != null ? `${Math.round(run.progress.percent)}%` : undefined;
  return <StateBadge state={state} look={look} note={percent} />;
}

export function RunLink({ id, name, className }: { id: string; name: string; className?: string }) {
  return <Link to="/runs/$run" params={{ run: id }} className={className ?? "truncate font-medium hover:underline"}>{name}</Link>;
}

/** The name of a run, with what matters about it on hover. */
export function RunName({ run }: { run: Run }) {
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      <HoverCard card={<RunCard run={run} />}>
        <Link to="/runs/$run" params={{ run: run.id }} className="truncate font-medium hover:underline">{run.name}</Link>
      </HoverCard>
      {run.attempt > 1 && <span className="shrink-0 text-xs text-muted" title={`Attempt ${run.attempt}`}>#{run.attempt}</span>}
    </span>
  );
}

export function RunCard({ run }: { run: Run }) {
  return (
    <div className="space-y-2">
      <div className="flex items-center justify-between gap-2">
        <span className="truncate font-medium">{run.label}</span>
        <RunState run={run} />
      </div>
      <dl className="grid grid-cols-[72px_1fr] gap-x-2 gap-y-0.5 text-xs">
        <dt className="text-muted">Created</dt><dd><RelativeTime at={run.created_at} /></dd>
        <dt className="text-muted">Took</dt><dd><RunDuration run={run} /></dd>
        <dt className="text-muted">Robot</dt><dd className="truncate">{run.robot_name ?? "–"}</dd>
        <dt className="text-muted">Queue</dt><dd className="truncate">{run.queue_name}</dd>
        {run.tags.length > 0 && <><dt className="text-muted">Tags</dt><dd className="truncate">{run.tags.join(", ")}</dd></>}
      </dl>
      {run.error && <p className="line-clamp-3 text-xs break-words text-failed">{run.error.message}</p>}
    </div>
  );
}

export const RunDuration = ({ run }: { run: Run }) => (
  <Duration from={run.started_at} to={run.ended_at} live={!isTerminal(run.state) && run.state !== "paused"} />
);

export function TriggerText({ trigger }: { trigger: Trigger }) {
  const [icon, text] =
    trigger.kind === "manual" ? [<UserRound key="i" size={13} className="shrink-0" aria-hidden />, trigger.by]
    : trigger.kind === "schedule" ? [<CalendarClock key="i" size={13} className="shrink-0" aria-hidden />, "Schedule"]
    : [<CornerDownRight key="i" size={13} className="shrink-0" aria-hidden />, "Another run"];
  return <span className="flex min-w-0 items-center gap-1.5 text-muted">{icon}<span className="truncate">{text}</span></span>;
}

/** Nothing for a normal run: only what is special is marked. */
export function PriorityMark({ priority }: { priority: Priority }) {
  const [icon, text] = PRIORITIES[priority];
  if (!icon) return null;
  return <Tooltip text={text}><span tabIndex={-1} className="inline-flex shrink-0 text-muted">{icon}<span className="sr-only">{text}</span></span></Tooltip>;
}

/** Beside a run whose robot or own process is not heard: it may be running all the same. */
export function UnheardMark({ unheard }: { unheard: NonNullable<Run["unheard"]> }) {
  const said = `Heard last at ${formatShort(Date.parse(unheard.since))}; if nothing is heard, the run is believed lost at ${formatShort(Date.parse(unheard.until))}`;
  return <Tooltip text={said}><span role="img" aria-label={said} className="inline-flex shrink-0 text-late"><Unplug size={13} aria-hidden /></span></Tooltip>;
}
