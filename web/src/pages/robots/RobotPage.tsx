// One robot: load, runs, logs.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function RobotPage() {
  return (
    <Page title="Robot">
      <EmptyState icon={<Construction size={18} />} title="Robot is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
