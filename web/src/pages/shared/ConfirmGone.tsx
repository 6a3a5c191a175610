// Taking a person's word that a robot is gone for good, with all that it ran.
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { api } from "@/api";
import { plural } from "@/lib/format";
import { Confirm, Input, useToasts } from "@/ui";

export function ConfirmGone({ robot, name, open, onClose }: { robot: string; name: string; open: boolean; onClose: () => void }) {
  const [comment, setComment] = useState("");
  const client = useQueryClient();
  const toasts = useToasts();
  const confirm = async () => {
    try {
      const lost = await api.robotLost(robot, comment);
      toasts.done(`${name} is taken as gone`, lost.runs.length ? `${plural(lost.runs.length, "run")} ended as the policy for a lost robot says` : "Nothing ran on it");
      await client.invalidateQueries();
    } catch (error) {
      toasts.error(`${name} is not taken as gone`, error);
      throw error;
    }
  };
  return (
    <Confirm open={open} onOpenChange={(next) => !next && onClose()} title={`Is ${name} gone for good?`} action="It is gone" description="What ran on it ends now, as its policy for a lost robot says. If the machine is on after all, a run may be executed twice." onConfirm={confirm}>
      <Input aria-label="How do you know?" placeholder="How do you know? (shown in the history)" value={comment} onChange={(e) => setComment(e.target.value)} />
    </Confirm>
  );
}
