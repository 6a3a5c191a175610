// The head of the run page: name, state, who and where, why it ended badly.
import { useState, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import { ChevronDown } from "lucide-react";
import type { ErrorInfo, Json, Run } from "@/api";
import { cx } from "@/lib/format";
import { isBad, stateColor, type ShownState } from "@/lib/states";
import { Copyable, ExactTime, Meter, RelativeTime, StateIcon } from "@/ui";
import { PriorityMark, RunDuration, TriggerText } from "../shared/RunBits";
import { useLateAfter } from "../shared/RunBits";
import { formatDuration } from "@/lib/time";

const Cell = ({ name, children, className }: { name: string; children: ReactNode; className?: string }) => (
  <div className={cx("min-w-0 max-sm:flex max-sm:items-center max-sm:gap-2", className)}>
    <dt className="shrink-0 text-xs text-muted">{name}</dt>
    <dd className="min-w-0 truncate text-sm">{children}</dd>
  </div>
);

/** When a run was first due and first started: later attempts have times of their own, on their tabs. */
export interface First {
  due?: string;
  started?: string;
}

export function Facts({ run, first }: { run: Run; first?: First }) {
  const started = first?.started ?? run.started_at;
  const lateBy = started ? (Date.parse(started) - Date.parse(first?.due ?? run.due_at)) / 1000 : 0;
  const late = lateBy > useLateAfter();
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-1 sm:flex sm:flex-wrap sm:gap-x-6 sm:gap-y-2.5">
      <Cell name="Flow"><Link to="/flows/$flow" params={{ flow: run.flow_id }} className="font-medium hover:underline">{run.flow_name}</Link>{run.version != null && <Link to="/flows/$flow" params={{ flow: run.flow_id }} search={{ tab: "versions" }} title={`Version ${run.version}`} className="ml-1.5 text-muted hover:underline">v{run.version}</Link>}</Cell>
      <Cell name="Deployment">{run.deployment_id ? <Link to="/deployments/$deployment" params={{ deployment: run.deployment_id }} className="hover:underline">{run.deployment_name}</Link> : <span className="text-muted">None, manual</span>}</Cell>
      <Cell name="Robot">{run.robot_id ? <Link to="/robots/$robot" params={{ robot: run.robot_id }} className="hover:underline">{run.robot_name ?? "…"}{run.computer && run.computer !== run.robot_name && <span className="text-muted"> · {run.computer}</span>}</Link> : <span className="text-muted">None yet</span>}</Cell>
      <Cell name="Started by"><TriggerText trigger={run.trigger} /></Cell>
      <Cell name="Due"><ExactTime at={first?.due ?? run.due_at} look="short" /></Cell>
      <Cell name="Started" className="sm:min-w-24">{first?.started ?? run.started_at ? <><ExactTime at={first?.started ?? run.started_at} look="short" /><span className="text-muted max-sm:hidden"> · <RelativeTime at={first?.started ?? run.started_at} /></span></> : <span className="text-muted">Not yet</span>}</Cell>
      <Cell name="Took" className="sm:min-w-24"><RunDuration run={run} />{late && <span className="text-late" title="From its due time to its start"> · {formatDuration(lateBy)} late</span>}</Cell>
      <Cell name="Queue"><span className="flex items-center gap-1"><Link to="/queues/$queue" params={{ queue: run.queue_name }} className="truncate hover:underline">{run.queue_name}</Link><PriorityMark priority={run.priority} /></span></Cell>
      <Cell name="Id"><Copyable text={run.id} shown={`…${run.id.slice(-8)}`} /></Cell>
    </dl>
  );
}

/** Parameters that the head shows; the others stand under details. */
const MOST_SHOWN = 4;
const MOST_LETTERS = 40;
const inShort = (value: Json): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text;
};

/** The first parameters in one line. */
export function Parameters({ run }: { run: Run }) {
  const all = Object.entries(run.parameters ?? {});
  if (all.length === 0) return null;
  return (
    <p className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1 text-xs">
      <Link from="/runs/$run" to="/runs/$run" search={{ tab: "details" } as never} className="text-muted hover:text-fg hover:underline">Parameters</Link>
      {all.slice(0, MOST_SHOWN).map(([name, value]) => <span key={name} className="min-w-0 truncate font-mono"><span className="text-muted">{name}=</span>{inShort(value)}</span>)}
      {all.length > MOST_SHOWN && <span className="text-muted">and {all.length - MOST_SHOWN} more</span>}
    </p>
  );
}

export function ErrorBanner({ error, state }: { error: ErrorInfo; state: ShownState }) {
  const [open, setOpen] = useState(false);
  const color = isBad(state) ? stateColor(state) : "var(--muted)";
  return (
    <section role="alert" style={{ borderColor: `color-mix(in oklab, ${color} 40%, var(--line))`, background: `color-mix(in oklab, ${color} 6%, var(--surface))` }} className="rounded-lg border px-4 py-3">
      <div className="flex items-start gap-2.5">
        <span style={{ color }} className="mt-[3px] inline-flex"><StateIcon state={state} size={15} /></span>
        <div className="min-w-0 flex-1">
          <p className="font-medium break-words">{error.message}</p>
          <p className="text-xs text-muted">
            {error.kind.replaceAll("_", " ")}{error.task && <> in task <code>{error.task}</code></>}
            {error.stack && (
              <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="ml-3 inline-flex items-center gap-0.5 rounded-sm font-medium text-fg hover:underline">
                Where it happened <ChevronDown size={12} className={cx("transition-transform", open && "rotate-180")} aria-hidden />
              </button>
            )}
          </p>
          {open && error.stack && <pre tabIndex={0} className="mt-2 max-h-72 overflow-auto rounded-md border border-line bg-sunken p-3 text-xs leading-[18px] whitespace-pre-wrap">{error.stack}</pre>}
        </div>
      </div>
    </section>
  );
}

export function ProgressLine({ run }: { run: Run }) {
  const p = run.progress;
  if (run.state !== "running" || !p) return null;
  return (
    <div className="flex items-center gap-3 text-sm">
      {p.percent != null && <span className="w-40 shrink-0"><Meter value={p.percent / 100} label="Progress" color="var(--state-running)" /></span>}
      <span className="truncate text-muted">{p.percent != null && <span className="text-fg">{Math.round(p.percent)}% </span>}{p.message}{p.task && <> · {p.task}</>}</span>
    </div>
  );
}
