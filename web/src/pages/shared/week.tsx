// How the runs of a flow or of a deployment ended in the last seven days, for tables: a bar, how many, how many went well.
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { q, type OutcomeBucket } from "@/api";
import { badOf, endedOf } from "@/lib/dayCalendar";
import { formatCount, formatPercent } from "@/lib/format";

export type Week = OutcomeBucket;

const WEEK = 7 * 86_400_000;
const HOUR = 3_600_000;
/** The least that a failure takes of a bar: one in a thousand must be seen. */
const LEAST_BAD = 8;

/** The week of each flow or deployment, by its id. */
export function useWeek(by: "flow" | "deployment", enabled = true): Map<string, Week> {
  const from = new Date(Math.floor((Date.now() - WEEK) / HOUR) * HOUR).toISOString();
  const outcomes = useQuery({ ...q.outcomes({ by, from, step_seconds: 0 }, ["week", by, from]), enabled, refetchInterval: 60_000 });
  return useMemo(() => new Map((outcomes.data?.items ?? []).map((b) => [(by === "flow" ? b.flow_id : b.deployment_id) ?? "", b])), [outcomes.data, by]);
}

export function WeekFigures({ week, short }: { week?: Week; short?: boolean }) {
  if (!week || endedOf(week) === 0) return <span className="text-faint">No runs</span>;
  const bad = badOf(week);
  const cancelled = week.cancelled;
  const share = (part: number) => (100 * part) / endedOf(week);
  const words = [`${formatCount(week.completed)} completed`, bad > 0 && `${formatCount(bad)} failed`, cancelled > 0 && `${formatCount(cancelled)} cancelled`].filter(Boolean).join(", ");
  return (
    <span className="flex min-w-0 items-center gap-2" title={words}>
      <span role="img" aria-label={words} className="flex h-1.5 w-12 shrink-0 gap-px overflow-hidden rounded-full bg-line">
        <span className="min-w-0 flex-1" style={{ background: week.completed > 0 ? "var(--fill-completed)" : undefined }} />
        {bad > 0 && <span className="shrink-0" style={{ width: `${Math.max(LEAST_BAD, share(bad))}%`, background: "var(--fill-failed)" }} />}
        {cancelled > 0 && <span className="shrink-0" style={{ width: `${Math.max(LEAST_BAD, share(cancelled))}%`, background: "var(--fill-cancelled)" }} />}
      </span>
      <span className="w-12 shrink-0 text-right">{week.success_rate == null ? "–" : formatPercent(week.success_rate)}</span>
      {!short && <span className="truncate text-xs text-muted">of {formatCount(endedOf(week))}</span>}
    </span>
  );
}
