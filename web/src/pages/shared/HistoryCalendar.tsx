// Weeks of days: each cell says how many runs ended that day and what part of them badly.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type OutcomeQuery } from "@/api";
import { badOf, calendarStart, calendarWeeks, endedOf, type Day } from "@/lib/dayCalendar";
import { plural } from "@/lib/format";
import { useNarrow } from "@/lib/preferences";
import { Skeleton, Tooltip } from "@/ui";

/** Five months, or as many weeks as a phone is wide. */
const WEEKS = 22;
const NARROW_WEEKS = 12;
const DAY = 86_400_000;
const NAMES = ["Mon", "", "Wed", "", "Fri", "", ""];
const date = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const month = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });

function Cell({ day, most, filter }: { day: Day; most: number; filter: { flow?: string; deployment?: string } }) {
  if (day.future) return <span className="size-5" />;
  const ended = day.bucket ? endedOf(day.bucket) : 0;
  const bad = day.bucket ? badOf(day.bucket) : 0;
  const words = ended === 0 ? `${date.format(day.at)}: no runs ended` : `${date.format(day.at)}: ${plural(ended, "run")} ended, ${bad === 0 ? "none badly" : `${bad} badly`}`;
  if (ended === 0) return <Tooltip text={words}><span className="block size-5 rounded-[3px] bg-sunken ring-1 ring-line ring-inset" /></Tooltip>;
  const strength = 35 + 65 * Math.sqrt(ended / most);
  const part = Math.max(bad > 0 ? 18 : 0, (100 * bad) / ended);
  const good = `color-mix(in oklab, var(--fill-completed) ${strength}%, var(--surface))`;
  return (
    <Tooltip text={words}>
      <Link
        to="/runs"
        search={{ ...filter, ended_after: new Date(day.at).toISOString(), ended_before: new Date(day.at + DAY).toISOString() }}
        aria-label={words}
        className="block size-5 rounded-[3px] hover:ring-2 hover:ring-accent"
        style={{ background: bad ? `linear-gradient(to top, var(--fill-failed) ${part}%, ${good} ${part}%)` : good }}
      />
    </Tooltip>
  );
}

/** The first week of a month bears its name. */
const isTurn = (monday: number): boolean => new Date(monday).getUTCDate() <= 7;

/** Days are those of UTC: the server counts them so. */
export function HistoryCalendar({ filter }: { filter: { flow?: string; deployment?: string } }) {
  const now = Date.now();
  const count = useNarrow() ? NARROW_WEEKS : WEEKS;
  const from = new Date(calendarStart(now, count)).toISOString();
  const query: OutcomeQuery = { ...filter, from, step_seconds: 86_400 };
  const outcomes = useQuery({ ...q.outcomes(query, ["calendar", filter, from]), staleTime: 60_000 });
  if (!outcomes.data) return <Skeleton className="h-32 w-full" />;
  const weeks = calendarWeeks(outcomes.data.items, now, count);
  const most = Math.max(1, ...outcomes.data.items.map(endedOf));
  return (
    <div className="overflow-x-auto pb-1">
      <div className="flex w-max gap-1" role="group" aria-label={`Runs that ended on each of the last ${count * 7} days`}>
        <div className="mt-4 mr-1 flex flex-col gap-1 text-2xs leading-5 text-faint" aria-hidden>{NAMES.map((n, i) => <span key={i} className="h-5">{n}</span>)}</div>
        {weeks.map((days, w) => {
          const first = days[0]?.at ?? 0;
          const turns = isTurn(first) || (w === 0 && !isTurn(weeks[1]?.[0]?.at ?? 0));
          return (
            <div key={first} className="flex flex-col gap-1">
              <span className="h-3 w-5 text-2xs leading-3 whitespace-nowrap text-faint" aria-hidden>{turns ? month.format(first) : ""}</span>
              {days.map((day) => <Cell key={day.at} day={day} most={most} filter={filter} />)}
            </div>
          );
        })}
      </div>
      <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted">
        <span className="inline-flex items-center gap-1.5"><span className="size-2.5 rounded-[2px] " style={{ background: "var(--fill-completed)" }} />completed; fuller is more</span>
        <span className="inline-flex items-center gap-1.5"><span className="size-2.5 rounded-[2px] " style={{ background: "var(--fill-failed)" }} />failed, timed out, crashed, from below</span>
      </p>
    </div>
  );
}
