// A run whose robot, or whose own process, is not heard: it may be running all the same, and a person may know better.
import { useState } from "react";
import { Unplug } from "lucide-react";
import type { Run } from "@/api";
import { useMay } from "@/shell/session";
import { Button, ExactTime, RelativeTime } from "@/ui";
import { ConfirmGone } from "../shared/ConfirmGone";

export function UnheardBanner({ run }: { run: Run }) {
  const [asks, setAsks] = useState(false);
  const operate = useMay("operate");
  if (!run.unheard) return null;
  // A run that was started by hand has no robot: its own process reports it.
  const robot = run.robot_id ? (run.robot_name ?? "Its robot") : "The process of this run";
  return (
    <section role="status" style={{ borderColor: "color-mix(in oklab, var(--state-late) 40%, var(--line))", background: "color-mix(in oklab, var(--state-late) 7%, var(--surface))" }} className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border px-4 py-3">
      <Unplug size={15} className="mt-0.5 shrink-0 self-start text-late" aria-hidden />
      <div className="min-w-0 flex-1 basis-64">
        <p className="font-medium">{robot} was heard last <RelativeTime at={run.unheard.since} /></p>
        <p className="text-sm text-muted">The run may go on there, and its result counts when it comes in time. If nothing is heard, it is believed lost at <ExactTime at={run.unheard.until} look="short" />.</p>
      </div>
      {operate && run.robot_id && <Button onClick={() => setAsks(true)}>The robot is gone…</Button>}
      {run.robot_id && <ConfirmGone robot={run.robot_id} name={robot} open={asks} onClose={() => setAsks(false)} />}
    </section>
  );
}
