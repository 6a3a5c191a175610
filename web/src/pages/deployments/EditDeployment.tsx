// Everything of a deployment in one form; only what was changed is sent.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { api, ApiError, q, type Deployment, type DeploymentPatch, type JsonObject } from "@/api";
import { changedFields } from "@/lib/difference";
import { Button, Dialog, Refusal, Skeleton, TabPanel, Tabs, useToasts } from "@/ui";
import { ParameterForm } from "../shared/ParameterForm";
import { numbersOf, patchOf, type EditDraft } from "./editDraft";
import { PolicyForm, WhereForm } from "./EditFields";
import { useRefreshDeployments } from "./verbs";

type Part = "where" | "parameters" | "policy";

export function EditDeployment({ deployment, onClose }: { deployment: Deployment; onClose: () => void }) {
  const [part, setPart] = useState<Part>("where");
  const [draft, setDraft] = useState<EditDraft>(() => numbersOf(deployment));
  const [parameters, setParameters] = useState<JsonObject>(deployment.settings.parameters);
  const [valid, setValid] = useState(true);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const version = useQuery({ ...q.version(deployment.version_id ?? ""), enabled: Boolean(deployment.version_id) });
  const refresh = useRefreshDeployments();
  const toasts = useToasts();
  const set = (change: Partial<EditDraft>) => setDraft((old) => ({ ...old, ...change }));

  const { patch: after, wrong } = patchOf(draft, deployment.settings.retry);
  const before = patchOf(numbersOf(deployment), deployment.settings.retry).patch;
  const patch: DeploymentPatch = { ...changedFields(before, after), ...changedFields({ parameters: deployment.settings.parameters }, { parameters }) };
  const count = Object.keys(patch).length;

  const save = async () => {
    setBusy(true);
    setRefused(undefined);
    try {
      await api.updateDeployment(deployment.id, patch);
      await refresh();
      toasts.done(`${deployment.full_name} is changed`, "Runs that wait keep what they were made with.");
      onClose();
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };
  const field = (name: string) => wrong[name] ?? (refused instanceof ApiError ? refused.field(name) : undefined);

  return (
    <Dialog
      open
      width="lg"
      onOpenChange={(open) => !open && onClose()}
      title={`Edit ${deployment.full_name}`}
      footer={
        <>
          <span className="mr-auto self-center text-xs text-muted">{count === 0 ? "Nothing is changed" : `${count} ${count === 1 ? "change" : "changes"}`}</span>
          <Button onClick={onClose}>Close</Button>
          <Button weight="primary" busy={busy} disabled={count === 0 || !valid || Object.keys(wrong).length > 0} onClick={() => void save()}>Save</Button>
        </>
      }
    >
      <Tabs label="Parts" value={part} onChange={setPart} tabs={[{ value: "where", label: "What and where" }, { value: "parameters", label: "Parameters" }, { value: "policy", label: "Limits and failures" }]}>
        <TabPanel value="where" className="pt-4"><WhereForm draft={draft} set={set} flow={deployment.flow_id} error={field} /></TabPanel>
        <TabPanel value="parameters" className="pt-4" forceMount hidden={part !== "parameters"}>
          {deployment.version_id && version.isPending ? <Skeleton className="h-40 w-full" /> : <ParameterForm schema={version.data?.parameter_schema} value={parameters} onChange={(next, ok) => { setParameters(next); setValid(ok); }} errors={field} />}
        </TabPanel>
        <TabPanel value="policy" className="pt-4"><PolicyForm draft={draft} set={set} error={field} /></TabPanel>
      </Tabs>
      {refused !== undefined && <Refusal error={refused} />}
    </Dialog>
  );
}
