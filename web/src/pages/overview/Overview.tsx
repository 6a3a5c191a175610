// The overview: the whole fleet at a glance.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Overview() {
  return (
    <Page title="Overview">
      <EmptyState icon={<Construction size={18} />} title="Overview is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
