// What can be done to a run: cancel, retry, run again, pause, resume, delete.
import { useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { CirclePause, CirclePlay, EllipsisVertical, Play, RotateCcw, Trash2, X } from "lucide-react";
import { api, q, type Run } from "@/api";
import { isTerminal } from "@/lib/states";
import { useMay } from "@/shell/session";
import { Button, Confirm, IconButton, Input, Menu, MenuItem, useToasts } from "@/ui";
import { RunAgain } from "./RunAgain";

export function Actions({ run }: { run: Run }) {
  const may = useMay("run");
  const [ask, setAsk] = useState<"cancel" | "delete" | "again" | "retry">();
  const [reason, setReason] = useState("");
  const client = useQueryClient();
  const toasts = useToasts();
  const navigate = useNavigate();
  if (!may) return null;

  const act = async (what: string, call: () => Promise<Run>) => {
    try {
      const next = await call();
      client.setQueryData(q.run(run.id).queryKey, (old: Run | undefined) => ({ ...next, parameters: next.parameters ?? old?.parameters }));
      void client.invalidateQueries({ queryKey: ["runs"] });
    } catch (error) {
      toasts.error(`${run.name} was not ${what}`, error);
      throw error;
    }
  };
  const quietly = (what: string, call: () => Promise<Run>) => void act(what, call).catch(() => undefined);
  const remove = async () => {
    try {
      await api.deleteRun(run.id);
      toasts.done(`${run.name} is deleted`);
      void navigate({ to: "/runs" });
    } catch (error) {
      toasts.error(`${run.name} was not deleted`, error);
      throw error;
    }
  };
  const done = isTerminal(run.state);
  // A process that somebody started on a computer of their own is started there again, by them.
  const byHand = run.executor === "client";
  const retry = () => act("retried", () => api.retryRun(run.id));
  return (
    <>
      {done ? (
        !byHand && <Button icon={<RotateCcw size={14} />} onClick={() => (run.state === "completed" ? setAsk("retry") : void retry().catch(() => undefined))}>Retry</Button>
      ) : (
        <Button icon={<X size={14} />} disabled={run.state === "cancelling"} onClick={() => setAsk("cancel")}>{run.state === "cancelling" ? "Cancelling…" : "Cancel"}</Button>
      )}
      {run.state === "paused" && <Button weight="primary" icon={<CirclePlay size={14} />} onClick={() => quietly("resumed", () => api.resumeRun(run.id))}>Resume</Button>}
      <Button weight={done ? "primary" : "plain"} icon={<Play size={14} />} onClick={() => setAsk("again")}>Run again…</Button>
      <Menu trigger={<IconButton label="More actions" weight="plain"><EllipsisVertical size={15} /></IconButton>}>
        {run.state === "running" && <MenuItem icon={<CirclePause size={14} />} onSelect={() => quietly("paused", () => api.pauseRun(run.id))}>Pause</MenuItem>}
        <MenuItem icon={<Trash2 size={14} />} danger disabled={!done} onSelect={() => setAsk("delete")}>Delete…</MenuItem>
      </Menu>
      <Confirm
        open={ask === "cancel"}
        onOpenChange={(open) => !open && setAsk(undefined)}
        title={`Cancel ${run.name}?`}
        description={run.live ? `Its robot asks it to stop. After ${run.cancel_grace_seconds} s the whole process tree is killed.` : "It has not started, so nothing needs to be stopped."}
        action="Cancel the run"
        onConfirm={() => act("cancelled", () => api.cancelRun(run.id, reason || undefined))}
      >
        <Input aria-label="Why (for the history)" placeholder="Why? (for the history)" value={reason} onChange={(e) => setReason(e.target.value)} />
      </Confirm>
      <Confirm open={ask === "retry"} onOpenChange={(open) => !open && setAsk(undefined)} title={`Retry ${run.name}, though it completed?`} description="Everything it did is done once more, in another attempt of the same run." action="Retry" onConfirm={retry} />
      <Confirm open={ask === "delete"} onOpenChange={(open) => !open && setAsk(undefined)} title={`Delete ${run.name}?`} description="Its log, results and history go with it. This cannot be undone." action="Delete" onConfirm={remove} />
      {ask === "again" && <RunAgain run={run} onClose={() => setAsk(undefined)} />}
    </>
  );
}
