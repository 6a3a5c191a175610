// What an attempt left: outputs, exit code, files; each can be looked at and fetched.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Download, File, FileCode, FileImage, FileText, Table2, type LucideIcon } from "lucide-react";
import { q, type Artifact, type Attempt, type Run } from "@/api";
import { formatBytes } from "@/lib/format";
import { formatDuration } from "@/lib/time";
import { Card, EmptyState, ErrorState, Fact, JsonView, RelativeTime, Skeleton, ValueTable } from "@/ui";
import { lookOf, type Look } from "./artifacts";
import { FilePreview } from "./FilePreview";

const isPicture = (a: Artifact) => lookOf(a) === "picture";
const ICONS: Record<Look, LucideIcon> = { picture: FileImage, table: Table2, page: FileCode, pdf: FileText, text: FileText, none: File };

function Pictures({ items, onShow }: { items: Artifact[]; onShow: (a: Artifact) => void }) {
  return (
    <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
      {items.map((a) => (
        <figure key={a.id} className="min-w-0 overflow-hidden rounded-md border border-line">
          <button type="button" onClick={() => onShow(a)} aria-label={`Look at ${a.name}`} className="block w-full bg-sunken -outline-offset-2!">
            <img src={a.url} alt="" loading="lazy" className="aspect-video w-full object-contain" />
          </button>
          <figcaption className="flex items-center gap-2 border-t border-line px-2.5 py-1.5 text-xs text-muted"><FileImage size={13} aria-hidden /><span className="truncate" title={a.name}>{a.name}</span><span className="ml-auto shrink-0">{formatBytes(a.size)}</span></figcaption>
        </figure>
      ))}
    </div>
  );
}

function Files({ run, attempt }: { run: Run; attempt: number }) {
  const found = useQuery(q.artifacts(run.id));
  const [shown, setShown] = useState<Artifact | null>(null);
  if (found.error) return <ErrorState error={found.error} onRetry={() => void found.refetch()} className="py-4" />;
  if (found.isPending) return <Skeleton className="h-24 w-full" />;
  const items = found.data.items.filter((a) => a.attempt === attempt);
  const pictures = items.filter(isPicture);
  const rest = items.filter((a) => !isPicture(a));
  if (items.length === 0) return <p className="text-sm text-muted">No file. What a run puts into the folder <code>$BATON_ARTIFACTS</code> is kept here.</p>;
  return (
    <div className="space-y-3">
      {pictures.length > 0 && <Pictures items={pictures} onShow={setShown} />}
      {rest.length > 0 && (
        <ul className="divide-y divide-line rounded-md border border-line">
          {rest.map((a) => <FileRow key={a.id} artifact={a} onShow={setShown} />)}
        </ul>
      )}
      {shown && <FilePreview artifact={shown} onClose={() => setShown(null)} />}
    </div>
  );
}

function FileRow({ artifact: a, onShow }: { artifact: Artifact; onShow: (a: Artifact) => void }) {
  const look = lookOf(a);
  const Icon = ICONS[look];
  const inside = <><Icon size={14} className="shrink-0 text-muted" aria-hidden /><span className="truncate">{a.name}</span><span className="ml-auto shrink-0 text-xs text-muted">{formatBytes(a.size)}</span></>;
  const row = "flex h-9 min-w-0 flex-1 items-center gap-2 px-3 text-left text-sm";
  return (
    <li className="flex items-center hover:bg-hover">
      {look === "none" ? <span className={row}>{inside}</span> : <button type="button" onClick={() => onShow(a)} title={`Look at ${a.name}`} className={`${row} focus-visible:-outline-offset-2`}>{inside}</button>}
      <a href={a.url} download={a.name.split("/").at(-1)} aria-label={`Download ${a.name}`} title="Download" className="grid size-9 shrink-0 place-items-center text-muted hover:text-fg focus-visible:-outline-offset-2"><Download size={14} aria-hidden /></a>
    </li>
  );
}

export function Results({ run, attempt }: { run: Run; attempt: Attempt | undefined }) {
  if (!attempt) return <EmptyState title="Nothing yet">Results come when the run has been on a robot.</EmptyState>;
  return (
    <div className="mx-auto grid w-full max-w-[1440px] gap-4 px-4 py-4 sm:px-6 lg:grid-cols-[1fr_300px]">
      <div className="min-w-0 space-y-4">
        <Card title="Outputs"><ValueTable values={attempt.outputs} label="Outputs" /></Card>
        <Card title="Files"><Files run={run} attempt={attempt.number} /></Card>
        {attempt.late_result !== null && attempt.late_result !== undefined && <Card title="A result that came too late"><p className="mb-2 text-sm text-muted">It arrived after the attempt was closed. It changed nothing and is kept as evidence.</p><JsonView value={attempt.late_result} label="Late result" /></Card>}
      </div>
      <Card title={`Attempt ${attempt.number}`} className="self-start">
        <dl>
          <Fact name="Exit code">{attempt.exit_code ?? "–"}</Fact>
          <Fact name="Process ran">{formatDuration(attempt.execution_time)}</Fact>
          <Fact name="Started"><RelativeTime at={attempt.started_at} /></Fact>
          <Fact name="Ended"><RelativeTime at={attempt.ended_at} /></Fact>
          <Fact name="Robot">{attempt.robot_name ?? "–"}</Fact>
          <Fact name="Computer">{attempt.computer ?? "–"}</Fact>
          {attempt.desktop && <Fact name="Desktop">{attempt.desktop}</Fact>}
          <Fact name="Fence"><span className="font-mono">{attempt.fence}</span></Fact>
        </dl>
      </Card>
    </div>
  );
}
