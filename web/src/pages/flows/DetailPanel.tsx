// The chosen flow: what it did, its deployments, how long it takes, and its versions with what differs between them.
import { lazy, Suspense, useState, type ReactNode } from "react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, Pencil, Trash2 } from "lucide-react";
import { q, type Flow } from "@/api";
import type { Search } from "@/lib/search";
import { useMay } from "@/shell/session";
import { Badge, Button, buttonClass, Card, Copyable, IconButton, Menu, MenuItem, Page, RelativeTime, Skeleton, TabPanel, Tabs } from "@/ui";
import { DeleteDialog } from "../shared/DeleteDialog";
import { HistoryCalendar } from "../shared/HistoryCalendar";
import { LatestRuns } from "../shared/LatestRuns";
import { NotHere } from "../shared/NotHere";
import { EditFlow } from "./EditFlow";
import { FlowDeployments } from "./FlowDeployments";
import { Versions } from "./Versions";

const DurationTrend = lazy(() => import("../shared/DurationTrend").then((m) => ({ default: m.DurationTrend })));

interface DetailProps {
  id: string;
  crumbs?: ReactNode;
  /** The flow, where a list beside it has it: `null` while that list is still on its way. */
  known?: Flow | null;
}

export function DetailPanel({ id, crumbs, known }: DetailProps) {
  const found = useQuery({ ...q.flow(id), enabled: known === undefined });
  const flow = known ?? found.data;
  if (found.error && !flow) return <NotHere kind="flow" error={found.error} onRetry={() => void found.refetch()} />;
  if (!flow) return <Page title="Flow" crumbs={crumbs}><div role="status" aria-label="Loading"><Skeleton className="h-8 w-80" /><Skeleton className="mt-4 h-64 w-full" /></div></Page>;
  return <FlowView flow={flow} crumbs={crumbs} />;
}

type Tab = "overview" | "versions";

function FlowView({ flow, crumbs }: { flow: Flow; crumbs?: ReactNode }) {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const client = useQueryClient();
  const mayEdit = useMay("deploy");
  const [open, setOpen] = useState<"edit" | "delete" | null>(null);
  const tab: Tab = search.tab === "versions" ? "versions" : "overview";
  const filter = { flow: flow.id };
  return (
    <Page
      title={flow.name}
      crumbs={<span className="flex items-center gap-1">{crumbs}{crumbs && flow.folder && " / "}{flow.folder.split("/").filter(Boolean).join(" / ")}</span>}
      aside={<span className="flex min-w-0 items-center gap-1.5">{flow.latest_version != null && <Badge mono>v{flow.latest_version}</Badge>}{flow.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}</span>}
      actions={
        <>
          <Link to="/runs" search={{ flow: flow.id }} className={buttonClass("plain")}>Its runs</Link>
          {mayEdit && <Button icon={<Pencil size={14} />} onClick={() => setOpen("edit")}>Edit</Button>}
          {mayEdit && <Menu trigger={<IconButton label="More" weight="plain"><Ellipsis size={16} /></IconButton>}><MenuItem danger icon={<Trash2 size={14} />} onSelect={() => setOpen("delete")}>Delete…</MenuItem></Menu>}
        </>
      }
    >
      <p className="-mt-1 mb-3 flex flex-wrap items-center gap-x-3 text-sm text-muted">
        {flow.description && <span className="max-w-3xl">{flow.description}</span>}
        <span className="text-xs text-faint">changed <RelativeTime at={flow.updated_at} /></span>
        <Copyable text={flow.id} shown={flow.id.slice(-8)} label="Copy id" />
      </p>
      <Tabs
        label="Parts of the flow"
        className="[&>div:first-child]:[--edge:0px] [&>div:first-child]:pl-0 [&_[role=tablist]]:-ml-2.5"
        value={tab}
        onChange={(next) => void navigate({ to: "/flows/$flow", params: { flow: flow.id }, search: { ...search, tab: next === "overview" ? "" : next }, replace: true })}
        tabs={[{ value: "overview", label: "Overview" }, { value: "versions", label: "Versions" }]}
      >
        <TabPanel value="overview" className="in-order flex flex-col gap-4 pt-4">
          <FlowDeployments flow={flow} />
          <LatestRuns filter={filter} />
          <Suspense fallback={<Card title="How long it takes"><Skeleton className="h-[224px] w-full" /></Card>}><DurationTrend filter={filter} /></Suspense>
          <Card title="History"><HistoryCalendar filter={filter} /></Card>
        </TabPanel>
        <TabPanel value="versions" className="pt-4"><Versions flow={flow} /></TabPanel>
      </Tabs>
      {open === "edit" && <EditFlow flow={flow} onClose={() => setOpen(null)} />}
      {open === "delete" && <DeleteDialog kind="flow" id={flow.id} name={flow.name} onClose={() => setOpen(null)} onDeleted={() => { void client.invalidateQueries({ queryKey: ["flows"], exact: true }); void navigate({ to: "/flows" }); }} />}
    </Page>
  );
}
