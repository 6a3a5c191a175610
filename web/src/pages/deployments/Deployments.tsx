// Deployments: what runs by itself, when next, how it went in the last week, and a switch for each.
import { useMemo, useState } from "react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { CalendarRange, SearchX } from "lucide-react";
import { q, type Deployment } from "@/api";
import type { Search } from "@/lib/search";
import { Button, CommandLine, DataTable, EmptyState, ErrorState, Facet, Page, SearchInput } from "@/ui";
import { RunDeployment } from "../shared/RunDeployment";
import { useWeek } from "../shared/week";
import { deploymentColumns, DeploymentCard } from "./columns";

function fits(d: Deployment, search: Search): boolean {
  const words = (search.search ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${d.full_name} ${d.settings.description} ${d.schedules.map((s) => s.description).join(" ")}`.toLowerCase();
  const on = d.schedules.length > 0 && !d.settings.paused;
  return (
    words.every((w) => text.includes(w)) &&
    (!search.tag || d.settings.tags.includes(search.tag)) &&
    (!search.queue || d.queue_name === search.queue) &&
    (!search.shown || (search.shown === "on" ? on : search.shown === "off" ? d.settings.paused : d.schedules.length === 0))
  );
}

const SHOWN = [{ value: "on", label: "Schedules on" }, { value: "off", label: "Schedules paused" }, { value: "none", label: "Without schedule" }];

export function Deployments() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const found = useQuery(q.deployments());
  const week = useWeek("deployment");
  const [running, setRunning] = useState<Deployment | null>(null);
  const all = found.data?.items ?? [];
  const rows = all.filter((d) => fits(d, search));
  const columns = useMemo(() => deploymentColumns(week, setRunning), [week]);
  const set = (name: string, value: string | undefined) => void navigate({ to: "/deployments", search: { ...search, [name]: value ?? "" }, replace: true });
  const options = (words: string[]) => [...new Set(words)].sort().map((value) => ({ value, label: value }));

  if (found.error && !found.data) return <Page title="Deployments"><ErrorState error={found.error} onRetry={() => void found.refetch()} /></Page>;
  const nothing = found.data && all.length === 0;
  return (
    <Page title="Deployments" fill aside={found.data && <span className="text-sm text-muted">{rows.length === all.length ? all.length : `${rows.length} of ${all.length}`}</span>}>
      {!nothing && (
        <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-6">
          <SearchInput label="Find a deployment" value={search.search ?? ""} onChange={(v) => set("search", v)} className="w-full sm:w-64" />
          <Facet name="Schedules" chosen={search.shown ? [search.shown] : []} shown={SHOWN.find((s) => s.value === search.shown)?.label} options={SHOWN} onChange={(c) => set("shown", c[0])} />
          <Facet name="Tag" chosen={search.tag ? [search.tag] : []} options={options(all.flatMap((d) => d.settings.tags))} onChange={(c) => set("tag", c[0])} />
          <Facet name="Work queue" chosen={search.queue ? [search.queue] : []} options={options(all.map((d) => d.queue_name))} onChange={(c) => set("queue", c[0])} />
        </div>
      )}
      {nothing ? (
        <EmptyState icon={<CalendarRange size={18} />} title="Nothing is deployed yet" action={<div className="w-full max-w-md text-left"><CommandLine command="baton deploy ./my_flow --cron '0 6 * * *'" /></div>}>
          A deployment makes a flow runnable: parameters, a work queue, schedules. Deploy a folder or a script from a terminal:
        </EmptyState>
      ) : (
        <DataTable
          label="Deployments"
          rows={rows}
          columns={columns}
          rowId={(d) => d.id}
          loading={found.isPending}
          rowHeight={48}
          cardHeight={64}
          card={(d) => <DeploymentCard deployment={d} week={week.get(d.id)} />}
          onOpen={(d, newTab) => (newTab ? window.open(`/deployments/${d.id}`) : void navigate({ to: "/deployments/$deployment", params: { deployment: d.id } }))}
          className="border-t border-line bg-surface"
          empty={<EmptyState icon={<SearchX size={18} />} title="No deployment fits" action={<Button onClick={() => void navigate({ to: "/deployments", search: {} })}>Show all</Button>} />}
        />
      )}
      {running && <RunDeployment deployment={running} onClose={() => setRunning(null)} />}
    </Page>
  );
}
