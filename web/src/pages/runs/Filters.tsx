// The filters of the runs table; each lives in the address.
import { useEffect, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { q } from "@/api";
import { capitalised } from "@/lib/format";
import { RANGES } from "@/lib/chart";
import { isFiltered, withFilter, type FILTERS } from "@/lib/runFilters";
import type { Search } from "@/lib/search";
import { spanLabel, withSpan } from "@/lib/span";
import { STATES, STATE_WORDS } from "@/lib/states";
import { Button, Facet, SearchInput, SpanForm, StateBadge, useZone } from "@/ui";

interface FiltersProps {
  search: Search;
  onChange: (search: Search) => void;
}

const RANGE_WORDS = { "1h": "Last hour", "6h": "Last 6 hours", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days" } as const;
const list = (text: string | undefined) => (text ?? "").split(",").filter(Boolean);
const ms = (text: string | undefined): number | null => (text && Number.isFinite(Date.parse(text)) ? Date.parse(text) : null);
/** How long typing may pause before the list is asked for. */
const TYPING_MS = 180;

/** One box for everything that people remember of a run; an address of before may still ask for the beginning of a name. */
function FindInput({ search, onChange }: FiltersProps) {
  const asked = search.search ?? search.prefix ?? "";
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    if (text === asked) return;
    const timer = setTimeout(() => onChange(withFilter(withFilter(search, "prefix", undefined), "search", text || undefined)), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, asked, search, onChange]);
  return <SearchInput label="Search runs: name, id, flow, label, tag, parameter, error" placeholder="Name, parameter, error…" value={text} onChange={setText} className="w-56 shrink-0" />;
}

/** When the runs of the list ended, as a tile or a bar of a chart asked for it. */
function EndedFacet({ search, onChange }: FiltersProps) {
  const zone = useZone();
  const [from, until] = [ms(search.ended_after), ms(search.ended_before)];
  const set = (after: string | undefined, before: string | undefined) => onChange(withFilter(withFilter(search, "ended_after", after), "ended_before", before));
  return (
    <Facet
      name="Ended"
      chosen={from !== null || until !== null ? ["between"] : []}
      shown={spanLabel(from, until, zone)}
      options={[]}
      onChange={() => set(undefined, undefined)}
      below={(close) => <SpanForm from={from} until={until} onPick={(a, b) => { close(); set(new Date(a).toISOString(), b === null ? undefined : new Date(b).toISOString()); }} />}
    />
  );
}

export function Filters({ search, onChange }: FiltersProps) {
  const [asked, setAsked] = useState<ReadonlySet<string>>(new Set());
  const ask = (what: string) => () => setAsked((old) => new Set([...old, what]));
  const flows = useQuery({ ...q.flows(), enabled: asked.has("flow") });
  const deployments = useQuery({ ...q.deployments(), enabled: asked.has("deployment") });
  const queues = useQuery({ ...q.queues(), enabled: asked.has("queue") });
  const robots = useQuery({ ...q.robots(), enabled: asked.has("robot") });
  const set = (name: (typeof FILTERS)[number]) => (chosen: string[]) => onChange(withFilter(search, name, chosen.join(",") || undefined));
  const named = (items: { name: string }[] | undefined) => items?.map((x) => ({ value: x.name, label: x.name }));

  const states = [...list(search.state), ...(search.late === "true" ? ["late"] : [])];
  const setStates = (chosen: string[]) => {
    // Late is a condition beside the states, so whichever was chosen last replaces the other.
    const late = chosen.at(-1) === "late" || (chosen.includes("late") && chosen.length === 1);
    onChange(withFilter(withFilter(search, "state", late ? undefined : chosen.filter((c) => c !== "late").join(",") || undefined), "late", late ? "true" : undefined));
  };
  const stateOptions = (["late", ...STATES] as const).map((s) => ({ value: s, label: s === "pending" ? <span className="inline-flex items-center gap-1.5"><StateBadge state="scheduled" still /><span className="text-muted">or pending</span></span> : <StateBadge state={s} still />, text: s === "pending" ? "Scheduled or pending" : STATE_WORDS[s] }));
  const stateWords = states.length > 2 ? `${states.length} states` : states.map((s) => STATE_WORDS[s as "late"] ?? s).join(", ");
  const between = search.after || search.before;
  const zone = useZone();

  return (
    <div className="flex items-center gap-2 overflow-x-auto px-4 pt-0.5 pb-3 [scrollbar-width:none] max-sm:[mask-image:linear-gradient(to_right,#000_calc(100%-28px),transparent)] sm:flex-wrap sm:px-6">
      <FindInput search={search} onChange={onChange} />
      <Facet name="State" multiple chosen={states} shown={stateWords} options={stateOptions} onChange={setStates} />
      <Facet name="Flow" chosen={list(search.flow)} options={named(flows.data?.items)} onOpen={ask("flow")} onChange={set("flow")} />
      <Facet name="Deployment" chosen={search.deployment ? [search.deployment] : []} options={deployments.data?.items.map((d) => ({ value: d.full_name, label: d.full_name }))} onOpen={ask("deployment")} onChange={set("deployment")} />
      <Facet name="Robot" chosen={list(search.robot)} options={named(robots.data?.items)} onOpen={ask("robot")} onChange={set("robot")} />
      <Facet name="Queue" chosen={list(search.queue)} options={named(queues.data?.items)} onOpen={ask("queue")} onChange={set("queue")} />
      <Facet name="Tag" free chosen={search.tag ? [search.tag] : []} options={[]} onChange={(chosen) => set("tag")(chosen.slice(-1))} />
      <Facet name="Priority" multiple chosen={list(search.priority)} options={["critical", "high", "normal", "low"].map((p) => ({ value: p, label: capitalised(p) }))} onChange={set("priority")} />
      <Facet name="Kind" chosen={list(search.kind)} shown={search.kind === "manual" ? "Manual" : "Unattended"} options={[{ value: "manual", label: "Manual" }, { value: "unattended", label: "Unattended" }]} onChange={set("kind")} />
      <Facet
        name="Created"
        chosen={search.range ? [search.range] : between ? ["between"] : []}
        shown={search.range ? RANGE_WORDS[search.range as "1h"] : spanLabel(ms(search.after), ms(search.before), zone)}
        options={RANGES.map((r) => ({ value: r, label: RANGE_WORDS[r] }))}
        onChange={(chosen) => onChange(withSpan(search, chosen[0] ? { range: chosen[0] } : {}))}
        below={(close) => (
          <SpanForm
            from={ms(search.after)}
            until={ms(search.before)}
            onPick={(from, until) => { close(); onChange(withSpan(search, { after: new Date(from).toISOString(), ...(until === null ? {} : { before: new Date(until).toISOString() }) })); }}
          />
        )}
      />
      <span className={search.ended_after || search.ended_before ? "contents" : "contents max-[1480px]:hidden"}><EndedFacet search={search} onChange={onChange} /></span>
      {isFiltered(search) && <Button weight="quiet" size="sm" icon={<X size={13} />} onClick={() => onChange({})}>Clear all</Button>}
    </div>
  );
}
