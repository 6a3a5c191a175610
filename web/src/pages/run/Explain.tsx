// Why a run waits: every reason, who holds what it needs, and the change that would start it.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Hourglass, Lightbulb } from "lucide-react";
import { q, type Reason, type Run } from "@/api";
import { formatCount } from "@/lib/format";
import { CommandLine, RelativeTime, Skeleton } from "@/ui";
import { RunLink } from "../shared/RunBits";

function ReasonItem({ reason }: { reason: Reason }) {
  const more = (reason.robots?.length ?? 0) > 0;
  return (
    <li className="text-sm">
      <p className="break-words first-letter:uppercase">
        {reason.message}
        {reason.until && <span className="text-muted"> · <RelativeTime at={reason.until} /></span>}
      </p>
      {reason.holders && reason.holders.length > 0 && (
        <p className="mt-0.5 flex flex-wrap gap-x-2 text-xs text-muted">
          Held by {reason.holders.map((h) => <RunLink key={h.run_id} id={h.run_id} name={h.name} className="font-medium text-accent hover:underline" />)}
        </p>
      )}
      {more && (
        <details className="group mt-0.5">
          <summary className="inline-flex list-none items-center gap-1 rounded-sm text-xs text-muted hover:text-fg">
            <ChevronRight size={12} className="transition-transform group-open:rotate-90" aria-hidden /> Robot by robot
          </summary>
          <ul className="mt-1 space-y-0.5 border-l border-line pl-3 text-xs">
            {reason.robots?.map((r) => (
              <li key={r.robot_id} className="text-muted">
                <Link to="/robots/$robot" params={{ robot: r.robot_id }} className="font-medium text-fg hover:underline">{r.name}</Link> · {r.message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

export function Explain({ run }: { run: Run }) {
  const found = useQuery(q.explain(run.id));
  const data = found.data;
  return (
    <section aria-label="Why it waits" className="rounded-lg border border-line bg-surface p-4 shadow-card">
      <h2 className="flex items-center gap-2 text-sm font-semibold">
        <Hourglass size={15} className="text-muted" aria-hidden /> Why it waits
        {data?.ahead != null && data.ahead > 0 && <span className="font-normal text-muted">· {formatCount(data.ahead)} before it</span>}
      </h2>
      {!data ? (
        found.error ? <p className="mt-2 text-sm text-muted">The server did not say why.</p> : <Skeleton className="mt-3 h-10 w-full max-w-lg" />
      ) : (
        <>
          {data.reasons.length === 0 ? <p className="mt-1.5 text-sm text-muted">{data.dispatchable ? "Nothing keeps it: it starts with the next decision." : data.summary}</p> : <ul className="mt-2 space-y-2">{data.reasons.map((reason, i) => <ReasonItem key={`${reason.code}${i}`} reason={reason} />)}</ul>}
          {data.change && (
            <div className="mt-3 flex items-start gap-2 rounded-md bg-sunken px-3 py-2 text-sm">
              <Lightbulb size={15} className="mt-0.5 shrink-0 text-accent" aria-hidden />
              <div className="min-w-0 flex-1">
                <p><span className="text-muted">To start it: </span>{data.change.message}.</p>
                {data.commands.map((one) => (
                  <div key={one.command} className="mt-2">
                    {one.place && <p className="mb-1 text-xs text-muted first-letter:uppercase">{one.place}:</p>}
                    <CommandLine command={one.command} />
                  </div>
                ))}
              </div>
            </div>
          )}
        </>
      )}
    </section>
  );
}
