// What is done to many runs at once: first shown, then done.
import { useEffect, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { RotateCcw, Trash2, X } from "lucide-react";
import { api, type BulkItem, type BulkResult, type RunQuery } from "@/api";
import { plural } from "@/lib/format";
import { Button, Confirm, IconButton, Skeleton, StateBadge, errorText, useToasts } from "@/ui";

export interface BulkTarget {
  ids?: string[];
  filter?: RunQuery;
}
export type Verb = "cancel" | "retry" | "delete";
const WORDS = { cancel: { verb: "Cancel", done: "cancelled" }, retry: { verb: "Retry", done: "retried" }, delete: { verb: "Delete", done: "deleted" } } as const;

/** Items that end alike, counted. */
export function grouped(items: readonly BulkItem[]): { key: string; item: BulkItem; count: number }[] {
  const groups = new Map<string, { key: string; item: BulkItem; count: number }>();
  for (const item of items) {
    const key = item.code ? `!${item.code}` : `${item.from}>${item.to}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { key, item, count: 1 });
  }
  return [...groups.values()].sort((a, b) => Number(a.key.startsWith("!")) - Number(b.key.startsWith("!")) || b.count - a.count);
}

/** Why runs stay as they are, by the code of the refusal. */
const STAY: Record<Verb, Record<string, string>> = {
  cancel: { illegal_transition: "stay: they have ended, or are being cancelled" },
  retry: { illegal_transition: "stay: only a run that has ended can be tried again" },
  delete: { illegal_transition: "stay: only a run that has ended can be deleted", not_ended: "stay: only a run that has ended can be deleted" },
};

function Preview({ result, verb }: { result: BulkResult; verb: Verb }) {
  return (
    <ul className="divide-y divide-line rounded-md border border-line">
      {grouped(result.items).map(({ key, item, count }) => (
        <li key={key} className="flex min-h-9 flex-wrap items-center gap-2 px-3 py-1.5 text-sm">
          <span className="w-12 text-right font-medium">{count}</span>
          {item.from && <StateBadge state={item.from} still />}
          {verb === "delete" && !item.code ? <span className="text-muted">deleted, with log, results and history</span> : item.to ? <><span className="text-faint" aria-label="become">→</span><StateBadge state={item.to} /></> : <span className="text-muted">{STAY[verb][item.code ?? ""] ?? `stay: ${item.message ?? item.code}`}</span>}
        </li>
      ))}
      {result.items.length === 0 && <li className="px-3 py-3 text-sm text-muted">No run is concerned.</li>}
    </ul>
  );
}

export function BulkDialog({ verb, target, onClose }: { verb: Verb; target: BulkTarget; onClose: (done: boolean) => void }) {
  const [preview, setPreview] = useState<BulkResult>();
  const [problem, setProblem] = useState<string>();
  const toasts = useToasts();
  const client = useQueryClient();
  useEffect(() => {
    let stale = false;
    api.bulk(verb, { ...target, preview: true }).then((r) => !stale && setPreview(r), (e) => !stale && setProblem(errorText(e)));
    return () => void (stale = true);
  }, [verb, target]);
  const words = WORDS[verb];
  const count = preview ? plural(preview.changed, "run") : "runs";
  const apply = async () => {
    try {
      const done = await api.bulk(verb, { ...target, preview: false });
      toasts.done(`${plural(done.changed, "run")} ${words.done}`, done.refused ? `${done.refused} stayed as they were.` : done.more ? "The filter finds more: do it again." : undefined);
      void client.invalidateQueries({ queryKey: ["runs"] });
      onClose(true);
    } catch (error) {
      toasts.error(`The runs were not ${words.done}`, error);
      throw error;
    }
  };
  return (
    <Confirm
      open
      onOpenChange={(open) => !open && onClose(false)}
      title={`${words.verb} ${count}?`}
      description={problem ?? (preview?.more ? "This is what happens to the first ten thousand that the filter finds." : "This is what will happen.")}
      action={`${words.verb} ${count}`}
      weight={verb === "retry" ? "primary" : "danger"}
      disabled={!preview || preview.changed === 0}
      onConfirm={apply}
    >
      {preview ? <Preview result={preview} verb={verb} /> : !problem && <Skeleton className="h-24 w-full" />}
    </Confirm>
  );
}

interface BulkBarProps {
  count: number;
  /** Whether all that the filter finds are meant, not only those that were picked. */
  everything: boolean;
  canTakeAll: boolean;
  onTakeAll: () => void;
  onVerb: (verb: Verb) => void;
  onClear: () => void;
}

export function BulkBar({ count, everything, canTakeAll, onTakeAll, onVerb, onClear }: BulkBarProps) {
  return (
    <div role="region" aria-label="Selected runs" className="absolute bottom-4 left-1/2 z-20 flex -translate-x-1/2 animate-pop items-center gap-2 rounded-lg border border-line-strong bg-raised py-1.5 pr-1.5 pl-3 shadow-pop">
      <span role="status" className="text-sm font-medium whitespace-nowrap">{everything ? "All that match" : `${count} selected`}</span>
      {canTakeAll && !everything && <Button size="sm" weight="quiet" onClick={onTakeAll}>Take all that match</Button>}
      <Button size="sm" icon={<RotateCcw size={13} />} onClick={() => onVerb("retry")}>Retry…</Button>
      <Button size="sm" icon={<X size={13} />} onClick={() => onVerb("cancel")}>Cancel…</Button>
      <Button size="sm" icon={<Trash2 size={13} />} onClick={() => onVerb("delete")}>Delete…</Button>
      <IconButton size="sm" label="Select nothing" onClick={onClear}><X size={14} /></IconButton>
    </div>
  );
}
