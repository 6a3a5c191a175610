// What an attempt left: outputs, exit code, files; pictures are shown, the rest can be fetched.
import { useQuery } from "@tanstack/react-query";
import { Download, File, FileImage } from "lucide-react";
import { q, type Artifact, type Attempt, type Run } from "@/api";
import { formatBytes } from "@/lib/format";
import { formatDuration } from "@/lib/time";
import { Card, EmptyState, ErrorState, Fact, JsonView, RelativeTime, Skeleton, ValueTable } from "@/ui";

const isPicture = (a: Artifact) => /^image\/(png|jpe?g|gif|webp|avif|svg\+xml)$/.test(a.content_type);

function Pictures({ items }: { items: Artifact[] }) {
  return (
    <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
      {items.map((a) => (
        <figure key={a.id} className="min-w-0 overflow-hidden rounded-md border border-line">
          <a href={a.url} target="_blank" rel="noreferrer" className="block bg-sunken">
            <img src={a.url} alt={a.name} loading="lazy" className="aspect-video w-full object-contain" />
          </a>
          <figcaption className="flex items-center gap-2 border-t border-line px-2.5 py-1.5 text-xs text-muted"><FileImage size={13} aria-hidden /><span className="truncate">{a.name}</span><span className="ml-auto shrink-0">{formatBytes(a.size)}</span></figcaption>
        </figure>
      ))}
    </div>
  );
}

function Files({ run, attempt }: { run: Run; attempt: number }) {
  const found = useQuery(q.artifacts(run.id));
  if (found.error) return <ErrorState error={found.error} onRetry={() => void found.refetch()} className="py-4" />;
  if (found.isPending) return <Skeleton className="h-24 w-full" />;
  const items = found.data.items.filter((a) => a.attempt === attempt);
  const pictures = items.filter(isPicture);
  const rest = items.filter((a) => !isPicture(a));
  if (items.length === 0) return <p className="text-sm text-muted">No file. What a run puts into the folder <code>$BATON_ARTIFACTS</code> is kept here.</p>;
  return (
    <div className="space-y-3">
      {pictures.length > 0 && <Pictures items={pictures} />}
      {rest.length > 0 && (
        <ul className="divide-y divide-line rounded-md border border-line">
          {rest.map((a) => (
            <li key={a.id}>
              <a href={a.url} download={a.name.split("/").at(-1)} className="flex h-9 items-center gap-2 px-3 text-sm hover:bg-hover focus-visible:-outline-offset-2">
                <File size={14} className="shrink-0 text-muted" aria-hidden />
                <span className="truncate">{a.name}</span>
                <span className="ml-auto shrink-0 text-xs text-muted">{formatBytes(a.size)}</span>
                <Download size={14} className="shrink-0 text-muted" aria-label="Download" />
              </a>
            </li>
          ))}
        </ul>
      )}
    </div>
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
