// Deployments and their schedules.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Deployments() {
  return (
    <Page title="Deployments">
      <EmptyState icon={<Construction size={18} />} title="Deployments is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
