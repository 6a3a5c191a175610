// Running the same again, with other parameters where wanted.
import { useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { api, ApiError, q, type JsonObject, type Run } from "@/api";
import { Button, Dialog, Refusal, Skeleton, useToasts } from "@/ui";
import { ParameterForm } from "../shared/ParameterForm";

export function RunAgain({ run, onClose }: { run: Run; onClose: () => void }) {
  const version = useQuery({ ...q.version(run.version_id ?? ""), enabled: Boolean(run.version_id) });
  const [parameters, setParameters] = useState<JsonObject>(run.parameters ?? {});
  const [valid, setValid] = useState(true);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const toasts = useToasts();
  const navigate = useNavigate();

  const start = async () => {
    setBusy(true);
    setRefused(undefined);
    try {
      const body = { parameters, version_id: run.version_id ?? undefined, priority: run.priority, tags: run.tags };
      const made = run.deployment_id ? await api.runDeployment(run.deployment_id, body) : await api.createRun({ ...body, flow: run.flow_id });
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
      title={`Run ${run.flow_name} again`}
      description={run.version_id ? "A new run of the same version, with these parameters." : "This run was started by hand on a computer of its own. The new one runs the version of the flow that is deployed, on a robot."}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button weight="primary" busy={busy} disabled={!valid} onClick={() => void start()}>Run</Button>
        </>
      }
    >
      {run.version_id && version.isPending ? <Skeleton className="h-40 w-full" /> : (
        <ParameterForm schema={version.data?.parameter_schema} value={parameters} onChange={(next, ok) => { setParameters(next); setValid(ok); }} errors={(name) => (refused instanceof ApiError ? refused.field(name) : undefined)} />
      )}
      {refused !== undefined && <Refusal error={refused} />}
    </Dialog>
  );
}
