// Flows: the tree by folder or tag at the left, the chosen flow beside it.
import { useMemo, useState } from "react";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Workflow } from "lucide-react";
import { q } from "@/api";
import { fittingFlows } from "@/lib/flowTree";
import { useNarrow } from "@/lib/preferences";
import type { Search } from "@/lib/search";
import { useWeek, WeekFigures } from "../shared/week";
import { CommandLine, EmptyState, ErrorState, Page } from "@/ui";
import { DetailPanel } from "./DetailPanel";
import { FlowTable } from "./FlowTable";
import { TreePanel } from "./TreePanel";

export function Flows() {
  const { flow: chosen } = useParams({ strict: false }) as { flow?: string };
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const narrow = useNarrow();
  const found = useQuery(q.flows());
  const week = useWeek("flow", narrow);
  const [words, setWords] = useState("");
  const by = search.by === "tags" ? "tags" : "folders";
  const flows = useMemo(() => found.data?.items ?? [], [found.data]);
  const fitting = useMemo(() => fittingFlows(flows, words), [flows, words]);
  const keep = useMemo((): Record<string, string> => (by === "tags" ? { by } : {}), [by]);

  if (found.error && !found.data) return <Page title="Flows"><ErrorState error={found.error} onRetry={() => void found.refetch()} /></Page>;
  if (found.data && flows.length === 0) {
    return (
      <Page title="Flows">
        <EmptyState icon={<Workflow size={18} />} title="There is no flow yet" action={<div className="w-full max-w-md text-left"><CommandLine command="baton deploy ./my_flow" /></div>}>
          A flow is a named automation. Deploy a folder or a script from a terminal, and it stands here with its versions:
        </EmptyState>
      </Page>
    );
  }
  const tree = (
    <TreePanel
      flows={flows}
      loading={found.isPending}
      chosen={chosen}
      by={by}
      words={words}
      keep={keep}
      health={narrow ? (flow) => <span className="ml-auto flex shrink-0 pl-2 text-xs"><WeekFigures week={week.get(flow.id)} short /></span> : undefined}
      onWords={setWords}
      onBy={(next) => void navigate({ to: chosen ? "/flows/$flow" : "/flows", params: chosen ? { flow: chosen } : undefined, search: next === "tags" ? { by: "tags" } : {}, replace: true } as never)}
    />
  );
  if (narrow) {
    return chosen ? <DetailPanel key={chosen} id={chosen} crumbs={<Link to="/flows" search={keep} className="hover:underline">Flows</Link>} /> : <Page title="Flows" fill>{tree}</Page>;
  }
  return (
    <div className="flex min-h-0 flex-1">
      <aside aria-label="All flows" className="flex w-[300px] shrink-0 flex-col border-r border-line">{tree}</aside>
      {chosen ? (
        <DetailPanel key={chosen} id={chosen} known={found.isPending ? null : flows.find((f) => f.id === chosen || f.name === chosen)} />
      ) : (
        <Page title="Flows" fill aside={found.data && <span className="text-sm text-muted">{fitting.length === flows.length ? flows.length : `${fitting.length} of ${flows.length}`}</span>}>
          <FlowTable flows={fitting} loading={found.isPending} keep={keep} />
        </Page>
      )}
    </div>
  );
}
