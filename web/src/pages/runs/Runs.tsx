// The live table of runs.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Runs() {
  return (
    <Page title="Runs">
      <EmptyState icon={<Construction size={18} />} title="Runs is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
