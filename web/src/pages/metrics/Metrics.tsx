// Metrics: trends by flow, deployment, robot.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Metrics() {
  return (
    <Page title="Metrics">
      <EmptyState icon={<Construction size={18} />} title="Metrics is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
