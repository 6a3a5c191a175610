// The keys of one robot: made when it was added; taken back when its machine is lost.
import { useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, q, type Key, type Robot } from "@/api";
import { Button, Confirm, RelativeTime, useToasts } from "@/ui";

export function RobotKeys({ robot }: { robot: Robot }) {
  const keys = (useQuery(q.keys()).data?.items ?? []).filter((k) => k.robot_id === robot.id && !k.revoked_at);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const client = useQueryClient();
  const toasts = useToasts();
  const revoke = async () => {
    if (!revoking) return;
    try {
      await api.revokeKey(revoking.id);
      await client.invalidateQueries({ queryKey: ["keys"] });
      toasts.done(`The key of ${robot.name} is revoked`);
    } catch (error) {
      toasts.error("The key was not revoked", error);
      throw error;
    }
  };
  return (
    <>
      {keys.length === 0 && "None"}
      {keys.map((key) => (
        <span key={key.id} className="flex items-center gap-2">
          <span className="truncate">made <RelativeTime at={key.created_at} />{key.last_used_at && <span className="text-muted">, used <RelativeTime at={key.last_used_at} /></span>}</span>
          <Button size="sm" weight="quiet" onClick={() => setRevoking(key)}>Revoke</Button>
        </span>
      ))}
      <Confirm open={revoking !== null} onOpenChange={(open) => !open && setRevoking(null)} title={`Revoke the key of ${robot.name}?`} description="The robot is cut off at once: what runs on it is lost when its lease lapses. Drain it first." action="Revoke" onConfirm={revoke} />
    </>
  );
}
