// How another machine becomes a robot: one line to paste.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function AddRobot() {
  return (
    <Page title="Add a robot">
      <EmptyState icon={<Construction size={18} />} title="Add a robot is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
