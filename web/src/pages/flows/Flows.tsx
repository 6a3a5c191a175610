// Flows: the tree by folder and tag, with detail beside it.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Flows() {
  return (
    <Page title="Flows">
      <EmptyState icon={<Construction size={18} />} title="Flows is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
