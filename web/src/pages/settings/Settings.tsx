// Settings: keys, about, licence.
import { Construction } from "lucide-react";
import { EmptyState, Page } from "@/ui";

export function Settings() {
  return (
    <Page title="Settings">
      <EmptyState icon={<Construction size={18} />} title="Settings is being built">Its content comes with the next change.</EmptyState>
    </Page>
  );
}
