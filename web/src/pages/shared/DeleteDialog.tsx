// Asks before a flow or a deployment is deleted, and says what goes with it and what stands in the way.
import { useQuery } from "@tanstack/react-query";
import { api } from "@/api";
import { plural } from "@/lib/format";
import { Confirm, Skeleton, useToasts } from "@/ui";

interface DeleteDialogProps {
  kind: "flow" | "deployment";
  id: string;
  name: string;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteDialog({ kind, id, name, onClose, onDeleted }: DeleteDialogProps) {
  const toasts = useToasts();
  const preview = useQuery({ queryKey: ["delete-preview", kind, id], queryFn: () => (kind === "flow" ? api.flowDeletePreview(id) : api.deploymentDeletePreview(id)), staleTime: 0, gcTime: 0 });
  const p = preview.data;
  const parts = p ? [p.versions && plural(p.versions, "version"), p.deployments && plural(p.deployments, "deployment"), p.schedules && plural(p.schedules, "schedule"), p.runs && `${p.runs >= 1000 ? "1,000 or more ended runs" : plural(p.runs, "ended run")}`].filter(Boolean) : [];
  const remove = async () => {
    try {
      await (kind === "flow" ? api.deleteFlow(id) : api.deleteDeployment(id));
      toasts.done(`${name} is deleted`);
      onDeleted();
    } catch (error) {
      toasts.error(`${name} was not deleted`, error);
      throw error;
    }
  };
  return (
    <Confirm
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Delete ${name}?`}
      action="Delete"
      disabled={!p || p.open_runs > 0}
      onConfirm={remove}
      description={
        preview.error ? "What goes with it could not be asked; try again in a moment."
        : !p ? <Skeleton className="h-4 w-64" />
        : p.open_runs > 0 ? `${plural(p.open_runs, "run")} of it have not ended. Cancel them, or wait for them, first.`
        : parts.length > 0 ? `With it go ${parts.join(", ")}.${kind === "deployment" ? " Its runs stay." : ""} This cannot be undone.`
        : "Nothing else goes with it. This cannot be undone."
      }
    />
  );
}
