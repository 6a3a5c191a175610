// One run: log, timeline, graph, transitions, outputs.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function RunPage() {
  return (
    <Page title="Run">
      <EmptyState icon={<Construction size={18} />} title="Run is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
