// Robots: status lights, load, what they run.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Robots() {
  return (
    <Page title="Robots">
      <EmptyState icon={<Construction size={18} />} title="Robots is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
