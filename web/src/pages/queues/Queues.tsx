// Work queues: depth, waits, limits.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Queues() {
  return (
    <Page title="Work queues">
      <EmptyState icon={<Construction size={18} />} title="Work queues is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
