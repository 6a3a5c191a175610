// Running a deployment now: a form made from the parameters of its version, prefilled with its own.
import { useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { api, ApiError, q, type Deployment, type JsonObject, type Priority } from "@/api";
import { capitalised } from "@/lib/format";
import { fromLocalInput, toLocalInput } from "@/lib/scheduleDraft";
import { Button, Dialog, Field, Input, Refusal, Select, Skeleton, useToasts } from "@/ui";
import { ParameterForm } from "./ParameterForm";

export function RunDeployment({ deployment, onClose }: { deployment: Deployment; onClose: () => void }) {
  const version = useQuery({ ...q.version(deployment.version_id ?? ""), enabled: Boolean(deployment.version_id) });
  const [parameters, setParameters] = useState<JsonObject>(deployment.settings.parameters);
  const [valid, setValid] = useState(true);
  const [priority, setPriority] = useState<Priority>(deployment.settings.priority);
  const [tags, setTags] = useState("");
  const [due, setDue] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const toasts = useToasts();
  const navigate = useNavigate();

  const start = async () => {
    setBusy(true);
    setRefused(undefined);
    try {
      const extra = tags.split(",").map((t) => t.trim()).filter(Boolean);
      const made = await api.runDeployment(deployment.id, {
        parameters,
        ...(priority === deployment.settings.priority ? {} : { priority }),
        ...(extra.length ? { tags: [...deployment.settings.tags, ...extra] } : {}),
        ...(due ? { due_at: due } : {}),
      });
      toasts.done(`${made.name} is on its way`);
      onClose();
      void navigate({ to: "/runs/$run", params: { run: made.id } });
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Run ${deployment.flow_name}`}
      description={deployment.version ? `Version ${deployment.version}, from the work queue ${deployment.queue_name}.` : undefined}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button weight="primary" icon={<Play size={14} />} busy={busy} disabled={!valid || !deployment.version_id || version.isPending} onClick={() => void start()}>{due ? "Run later" : "Run now"}</Button>
        </>
      }
    >
      {!deployment.version_id ? (
        <p className="text-sm text-muted">This flow has no active version, so nothing can run. Deploy it again, or make a version active on the page of the flow.</p>
      ) : version.isPending ? (
        <div role="status" aria-label="Loading" className="space-y-3"><Skeleton className="h-8 w-40" /><Skeleton className="h-12 w-full" /><Skeleton className="h-12 w-full" /></div>
      ) : (
        <>
          <ParameterForm schema={version.data?.parameter_schema} value={parameters} onChange={(next, ok) => { setParameters(next); setValid(ok); }} errors={(name) => (refused instanceof ApiError ? refused.field(name) : undefined)} />
          <div className="mt-4 grid gap-3 border-t border-line pt-4 sm:grid-cols-[1fr_1.4fr_1fr]">
            <Field label="Priority">
              {(control) => (
                <Select {...control} value={priority} onChange={(e) => setPriority(e.target.value as Priority)}>
                  {["low", "normal", "high", "critical"].map((p) => <option key={p} value={p}>{capitalised(p)}</option>)}
                </Select>
              )}
            </Field>
            <Field label="Not before" hint="On your clock; empty is now">{(control) => <Input {...control} type="datetime-local" value={toLocalInput(due)} onChange={(e) => setDue(fromLocalInput(e.target.value))} />}</Field>
            <Field label="More tags" hint="Commas between">{(control) => <Input {...control} value={tags} onChange={(e) => setTags(e.target.value)} />}</Field>
          </div>
        </>
      )}
      {refused !== undefined && <Refusal error={refused} />}
    </Dialog>
  );
}
