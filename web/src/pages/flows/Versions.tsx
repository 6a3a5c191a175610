// The versions of a flow, newest first, each with what it changed; and any two of them side by side.
import { useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowLeftRight } from "lucide-react";
import { api, q, type Flow, type Version, type VersionStatus } from "@/api";
import { versionDifferences, versionParts, type Difference } from "@/lib/difference";
import { cx, plural } from "@/lib/format";
import { useMay } from "@/shell/session";
import { Badge, Card, EmptyState, ErrorState, JsonView, RelativeTime, Select, SkeletonRows, useToasts } from "@/ui";

const STATUSES: Record<VersionStatus, string> = { draft: "Draft", active: "Active", deprecated: "Deprecated", archived: "Archived" };

function Status({ version }: { version: Version }) {
  const client = useQueryClient();
  const toasts = useToasts();
  const may = useMay("deploy");
  if (!may) return <Badge>{STATUSES[version.status]}</Badge>;
  const change = async (status: VersionStatus) => {
    try {
      await api.updateVersion(version.id, status);
      toasts.done(`Version ${version.number} is ${status}`);
    } catch (error) {
      toasts.error("The status was not changed", error);
    } finally {
      void client.invalidateQueries({ queryKey: ["flows"] });
      void client.invalidateQueries({ queryKey: ["deployments"] });
    }
  };
  return (
    <Select aria-label={`Status of version ${version.number}`} value={version.status} onChange={(e) => void change(e.target.value as VersionStatus)} onClick={(e) => e.stopPropagation()}>
      {Object.entries(STATUSES).map(([value, words]) => <option key={value} value={value}>{words}</option>)}
    </Select>
  );
}

function DifferenceTable({ items }: { items: Difference[] }) {
  if (items.length === 0) return <p className="px-4 pb-4 text-sm text-muted">They do not differ.</p>;
  return (
    <dl className="divide-y divide-line border-t border-line">
      {items.map((d) => (
        <div key={d.path} className="grid gap-x-4 gap-y-1 px-4 py-2 md:grid-cols-[minmax(0,200px)_minmax(0,1fr)]">
          <dt className="font-mono text-xs leading-5 [overflow-wrap:anywhere] text-muted">{d.path}</dt>
          <dd className="min-w-0 space-y-0.5 font-mono text-xs leading-5 whitespace-pre-wrap [overflow-wrap:anywhere]">
            {d.before !== undefined && <del className="block border-l-2 border-line-strong bg-sunken px-2 text-muted no-underline"><span aria-hidden>− </span><span className="sr-only">before: </span>{d.before}</del>}
            {d.after !== undefined && <ins className="block border-l-2 border-accent bg-selected px-2 no-underline"><span aria-hidden>+ </span><span className="sr-only">after: </span>{d.after}</ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Commit, branch and words of a version, as far as it says them. */
function commitWords(source: Record<string, string>): string {
  const words = [source.revision?.slice(0, 10), source.branch && `on ${source.branch}`, source.dirty === "yes" && "with changes", source.message ?? source.subject];
  return words.filter(Boolean).map((word) => ` · ${word}`).join("");
}

function Row({ version, before, chosen, onChoose }: { version: Version; before?: Version; chosen: boolean; onChoose: () => void }) {
  const changes = before ? versionDifferences(before, version) : [];
  const parts = [...new Set(changes.map((d) => d.path.split(".")[0]))];
  return (
    <li className={cx("flex items-center gap-3 px-4 py-2", chosen ? "bg-selected" : "hover:bg-hover")}>
      <button type="button" aria-pressed={chosen} onClick={onChoose} className="flex min-w-0 flex-1 items-baseline gap-3 rounded-sm text-left">
        <span className="w-10 shrink-0 font-mono text-sm font-medium">v{version.number}</span>
        <span className="min-w-0 flex-1 truncate text-sm text-muted">{before ? (changes.length ? `Changed: ${parts.join(", ")}` : "Nothing but its number") : "The first kept"}{commitWords(version.source)}</span>
        <span className="shrink-0 text-sm text-muted"><RelativeTime at={version.created_at} /></span>
      </button>
      <Status version={version} />
    </li>
  );
}

export function Versions({ flow }: { flow: Flow }) {
  const found = useQuery(q.versions(flow.id));
  const [number, setNumber] = useState<number | null>(null);
  const [against, setAgainst] = useState<number | null>(null);
  if (found.error && !found.data) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  if (found.isPending) return <SkeletonRows rows={3} />;
  const all = found.data.items;
  if (all.length === 0) return <EmptyState title="It has no version">Only its own process executes it: nothing was deployed that a robot could run.</EmptyState>;
  const index = Math.max(0, all.findIndex((v) => v.number === number));
  const version = all[index] as Version;
  const other = all.find((v) => v.number === against && v !== version) ?? all[index + 1];
  const items = other ? versionDifferences(...((other.number < version.number ? [other, version] : [version, other]) as [Version, Version])) : [];
  return (
    <div className="flex flex-col gap-4">
      <Card title={plural(all.length, "version")} flush>
        <ul className="divide-y divide-line border-t border-line">{all.map((v, i) => <Row key={v.id} version={v} before={all[i + 1]} chosen={v === version} onChoose={() => setNumber(v.number)} />)}</ul>
      </Card>
      {other && (
        <Card
          title={<span className="inline-flex items-center gap-2">v{Math.min(other.number, version.number)} <ArrowLeftRight size={14} className="text-muted" aria-hidden /> v{Math.max(other.number, version.number)}</span>}
          flush
          aside={all.length > 2 && <label className="flex items-center gap-2 text-xs text-muted">Compare with <Select value={String(other.number)} onChange={(e) => setAgainst(Number(e.target.value))}>{all.filter((v) => v !== version).map((v) => <option key={v.id} value={v.number}>v{v.number}</option>)}</Select></label>}
        >
          <DifferenceTable items={items} />
        </Card>
      )}
      <Card title={`All of v${version.number}`}><JsonView label={`version ${version.number}`} value={versionParts(version)} /></Card>
    </div>
  );
}
