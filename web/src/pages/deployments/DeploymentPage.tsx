// One deployment: settings, schedules, history.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function DeploymentPage() {
  return (
    <Page title="Deployment">
      <EmptyState icon={<Construction size={18} />} title="Deployment is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
