// A run of a deployment that only this robot may take.
import { useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { api, q, type JsonObject, type Robot } from "@/api";
import { Button, Dialog, ErrorState, Field, Select, Skeleton, useToasts } from "@/ui";
import { ParameterForm } from "../shared/ParameterForm";

export function SendRun({ robot, onClose }: { robot: Robot; onClose: () => void }) {
  const deployments = useQuery(q.deployments());
  const [chosen, setChosen] = useState("");
  const list = deployments.data?.items ?? [];
  const deployment = list.find((d) => d.id === (chosen || list[0]?.id));
  const version = useQuery({ ...q.version(deployment?.version_id ?? ""), enabled: Boolean(deployment?.version_id) });
  const [parameters, setParameters] = useState<JsonObject>();
  const [valid, setValid] = useState(true);
  const [busy, setBusy] = useState(false);
  const toasts = useToasts();
  const navigate = useNavigate();
  const send = async () => {
    if (!deployment) return;
    setBusy(true);
    try {
      const run = await api.runOnRobot(robot.id, { deployment: deployment.id, parameters: parameters ?? {} });
      toasts.done(`${run.name} waits for ${robot.name}`);
      onClose();
      void navigate({ to: "/runs/$run", params: { run: run.id } });
    } catch (error) {
      toasts.error("The run was not sent", error);
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Send a run to ${robot.name}`} description="No other robot may take it." footer={<><Button onClick={onClose}>Close</Button><Button weight="primary" busy={busy} disabled={!deployment || !valid} onClick={() => void send()}>Send</Button></>}>
      {deployments.error ? <ErrorState error={deployments.error} /> : deployments.isPending ? <Skeleton className="h-24 w-full" /> : (
        <div className="space-y-4">
          <Field label="Deployment">
            {(control) => <Select {...control} value={deployment?.id ?? ""} onChange={(e) => { setChosen(e.target.value); setParameters(undefined); setValid(true); }}>{list.map((d) => <option key={d.id} value={d.id}>{d.full_name}</option>)}</Select>}
          </Field>
          {deployment && (version.data || !deployment.version_id) && <ParameterForm key={deployment.id} schema={version.data?.parameter_schema} value={parameters ?? deployment.settings.parameters} onChange={(next, ok) => { setParameters(next); setValid(ok); }} />}
        </div>
      )}
    </Dialog>
  );
}
