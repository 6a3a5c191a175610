// The schedule editor: a rule on the left, what it comes to on the right, live from the server.
import { useEffect, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { api, ApiError, q, type Deployment, type Schedule } from "@/api";
import { draftOf, freeName, newDraft, settingsOf, type ScheduleDraft } from "@/lib/scheduleDraft";
import { Button, Dialog, Field, Input, Refusal, useToasts } from "@/ui";
import { PolicyFields } from "./PolicyFields";
import { Preview } from "./Preview";
import { RuleFields } from "./RuleFields";
import { useRefreshDeployments } from "./verbs";

/** Long enough that typing does not ask for every letter, short enough to feel live. */
const SETTLE = 220;
const SLOTS = 10;

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as T), SETTLE);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

const ZONES = typeof Intl.supportedValuesOf === "function" ? ["UTC", ...Intl.supportedValuesOf("timeZone")] : ["UTC"];

export function ScheduleEditor({ deployment, schedule, onClose }: { deployment: Deployment; schedule?: Schedule; onClose: () => void }) {
  const about = useQuery(q.about());
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [draft, setDraft] = useState<ScheduleDraft>(() => (schedule ? draftOf(schedule) : newDraft(here)));
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const refresh = useRefreshDeployments();
  const toasts = useToasts();
  const set = (change: Partial<ScheduleDraft>) => {
    setRefused(undefined);
    setDraft((old) => ({ ...old, ...change }));
  };

  const now = settingsOf(draft);
  const asked = useSettled(now.settings ?? null);
  const preview = useQuery({
    queryKey: ["preview", asked],
    queryFn: () => api.previewSchedule({ settings: asked as NonNullable<typeof asked>, count: SLOTS }),
    enabled: asked !== null,
    placeholderData: (old) => old,
    retry: false,
    staleTime: 10_000,
  });
  const wrong = now.settings && preview.error instanceof ApiError ? preview.error : undefined;
  // The server names the field first; here it stands beside it.
  const said = wrong?.message.replace(/^[\w.]+: /, "");
  const mistyped = wrong?.code === "bad_cron";
  const settling = JSON.stringify(asked) !== JSON.stringify(now.settings ?? null);

  const save = async () => {
    if (!now.settings) return;
    setBusy(true);
    try {
      if (schedule) await api.updateSchedule(schedule.id, now.settings);
      else await api.createSchedule({ deployment: deployment.id, name: draft.name.trim() || freeName(draft.frequency, deployment.schedules.map((s) => s.name)), settings: now.settings });
      await refresh();
      toasts.done(schedule ? `The schedule ${schedule.name} is changed` : "The schedule is made");
      onClose();
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      width="lg"
      onOpenChange={(open) => !open && onClose()}
      title={schedule ? `Change the schedule ${schedule.name}` : `A schedule for ${deployment.full_name}`}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button weight="primary" busy={busy} disabled={!now.settings || Boolean(wrong && !settling)} onClick={() => void save()}>{schedule ? "Save" : "Make the schedule"}</Button>
        </>
      }
    >
      <div className="grid gap-6 sm:grid-cols-[minmax(0,1.1fr)_minmax(0,1fr)]">
        <div className="flex min-w-0 flex-col gap-5">
          <RuleFields draft={draft} set={set} error={mistyped ? said : undefined} />
          <Field label="Time zone" hint={about.data && about.data.timezone !== draft.timezone ? <button type="button" className="hover:underline" onClick={() => set({ timezone: about.data.timezone })}>Use the server's: {about.data.timezone}</button> : undefined}>
            {(control) => <Input {...control} list="zones" value={draft.timezone} onChange={(e) => set({ timezone: e.target.value })} spellCheck={false} />}
          </Field>
          <datalist id="zones">{ZONES.map((z) => <option key={z} value={z} />)}</datalist>
          <PolicyFields draft={draft} set={set} named={!schedule} />
        </div>
        <section aria-label="What it comes to" className="min-w-0 sm:sticky sm:top-0 sm:self-start">
          <h3 className="mb-2 text-xs font-medium text-muted">The next {SLOTS} times</h3>
          <Preview preview={now.settings && !wrong ? preview.data : undefined} missing={mistyped ? "The times show here when the expression is right." : now.missing} error={mistyped ? undefined : said} loading={settling || preview.isFetching} />
        </section>
      </div>
      {refused !== undefined && <Refusal error={refused} />}
    </Dialog>
  );
}
