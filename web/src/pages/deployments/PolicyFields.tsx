// What happens to missed times and to overlaps, each choice with its meaning; and what is rarely needed, folded away.
import { useState } from "react";
import { ChevronRight } from "lucide-react";
import type { MissedPolicy, Overlap, Priority } from "@/api";
import { capitalised } from "@/lib/format";
import { fromLocalInput, toLocalInput, type ScheduleDraft } from "@/lib/scheduleDraft";
import { Field, Input, Select } from "@/ui";
import { ParameterForm } from "../shared/ParameterForm";
import { MISSED, OVERLAP } from "./policies";

const WINDOWS: [number, string][] = [[3600, "1 hour"], [21_600, "6 hours"], [86_400, "1 day"], [259_200, "3 days"], [604_800, "1 week"]];

interface PolicyFieldsProps {
  draft: ScheduleDraft;
  set: (change: Partial<ScheduleDraft>) => void;
  /** Whether a name may be chosen: only for a new schedule. */
  named: boolean;
}

function Rare({ draft, set, named }: PolicyFieldsProps) {
  return (
    <div className="grid gap-3 pt-3 sm:grid-cols-2">
      {named && <Field label="Name" hint="Drawn from the rule unless given" className="sm:col-span-2">{(control) => <Input {...control} value={draft.name} onChange={(e) => set({ name: e.target.value })} />}</Field>}
      <Field label="Not before" hint="On your clock">{(control) => <Input {...control} type="datetime-local" value={toLocalInput(draft.startsAt)} onChange={(e) => set({ startsAt: fromLocalInput(e.target.value) })} />}</Field>
      <Field label="Not after" hint="On your clock">{(control) => <Input {...control} type="datetime-local" value={toLocalInput(draft.endsAt)} onChange={(e) => set({ endsAt: fromLocalInput(e.target.value) })} />}</Field>
      <Field label="Spread, in seconds" hint="Each run starts up to this much later">{(control) => <Input {...control} inputMode="numeric" value={draft.jitter} onChange={(e) => set({ jitter: e.target.value })} />}</Field>
      <Field label="Priority">
        {(control) => (
          <Select {...control} value={draft.priority ?? ""} onChange={(e) => set({ priority: (e.target.value || null) as Priority | null })}>
            <option value="">As the deployment</option>
            {["low", "normal", "high", "critical"].map((p) => <option key={p} value={p}>{capitalised(p)}</option>)}
          </Select>
        )}
      </Field>
      <div className="sm:col-span-2">
        <p className="mb-1 text-xs text-muted">Its own parameters, over those of the deployment</p>
        <ParameterForm schema={null} value={draft.parameters} onChange={(parameters, valid) => valid && set({ parameters })} />
      </div>
    </div>
  );
}

export function PolicyFields(props: PolicyFieldsProps) {
  const { draft, set } = props;
  const [open, setOpen] = useState(false);
  return (
    <>
      <Field label="When times were missed, because the server was off" hint={MISSED[draft.missed].meaning}>
        {(control) => (
          <span className="flex flex-wrap items-center gap-2">
            <Select {...control} value={draft.missed} onChange={(e) => set({ missed: e.target.value as MissedPolicy })}>
              {Object.entries(MISSED).map(([value, words]) => <option key={value} value={value}>{words.name}</option>)}
            </Select>
            {draft.missed !== "skip" && (
              <span className="flex items-center gap-2 text-xs text-muted">
                not older than
                <Select aria-label="Oldest missed time" value={String(draft.windowSeconds)} onChange={(e) => set({ windowSeconds: Number(e.target.value) })}>
                  {!WINDOWS.some(([s]) => s === draft.windowSeconds) && <option value={draft.windowSeconds}>{draft.windowSeconds} seconds</option>}
                  {WINDOWS.map(([seconds, words]) => <option key={seconds} value={seconds}>{words}</option>)}
                </Select>
              </span>
            )}
          </span>
        )}
      </Field>
      <Field label="When the run before is still going" hint={OVERLAP[draft.overlap].meaning}>
        {(control) => (
          <Select {...control} value={draft.overlap} onChange={(e) => set({ overlap: e.target.value as Overlap })}>
            {Object.entries(OVERLAP).map(([value, words]) => <option key={value} value={value}>{words.name}</option>)}
          </Select>
        )}
      </Field>
      <div>
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="inline-flex items-center gap-1 rounded-sm text-xs font-medium text-muted hover:text-fg">
          <ChevronRight size={14} className={open ? "rotate-90 transition-transform" : "transition-transform"} aria-hidden />Limits in time, spread, priority, parameters
        </button>
        {open && <Rare {...props} />}
      </div>
    </>
  );
}
