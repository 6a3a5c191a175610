// Limits on tags: how many runs with a tag may be live at once, over all queues, and who holds them.
import { useState } from "react";
import { Link } from "@tanstack/react-router";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ChevronRight, Trash2 } from "lucide-react";
import { api, q, type Limit } from "@/api";
import { useMay } from "@/shell/session";
import { Badge, Button, Card, Confirm, ErrorState, IconButton, Input, Meter, Skeleton, useToasts } from "@/ui";
import { Holders } from "./Holders";

function Row({ limit, onDelete }: { limit: Limit; onDelete?: () => void }) {
  const [open, setOpen] = useState(false);
  const full = limit.live >= limit.limit;
  return (
    <li>
      <div className="flex h-10 items-center gap-3 px-4 hover:bg-hover">
        <button type="button" aria-expanded={open} aria-label={`Who holds ${limit.tag}`} onClick={() => setOpen(!open)} className="rounded-sm text-muted hover:text-fg"><ChevronRight size={14} className={open ? "rotate-90" : ""} /></button>
        <Link to="/runs" search={{ tag: limit.tag }} className="min-w-0 hover:underline"><Badge>{limit.tag}</Badge></Link>
        <span className={`ml-auto shrink-0 ${full ? "font-medium" : "text-muted"}`}>{limit.live} of {limit.limit}</span>
        <span className="w-20 shrink-0"><Meter value={limit.limit === 0 ? 1 : limit.live / limit.limit} label={`Held of ${limit.tag}`} color={full ? "var(--fg)" : "var(--muted)"} /></span>
        {onDelete && <IconButton size="sm" label={`Remove the limit on ${limit.tag}`} onClick={onDelete}><Trash2 size={14} /></IconButton>}
      </div>
      {open && <div className="bg-sunken pt-1"><Holders holders={limit.holders} empty="No live run holds it." /></div>}
    </li>
  );
}

function AddLimit() {
  const [tag, setTag] = useState("");
  const [number, setNumber] = useState("1");
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const toasts = useToasts();
  const count = Number(number);
  const good = tag.trim() !== "" && number.trim() !== "" && Number.isInteger(count) && count >= 0;
  const put = async () => {
    setBusy(true);
    try {
      await api.putLimit(tag.trim(), count);
      await client.invalidateQueries({ queryKey: ["limits"] });
      setTag("");
    } catch (error) {
      toasts.error("The limit was not set", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="flex flex-wrap items-center gap-2 border-t border-line px-4 py-3 text-sm text-muted" onSubmit={(e) => { e.preventDefault(); if (good) void put(); }}>
      Runs with the tag <Input aria-label="Tag" value={tag} onChange={(e) => setTag(e.target.value)} placeholder="such as sap" className="w-36!" />
      at most <Input aria-label="How many at once" inputMode="numeric" value={number} onChange={(e) => setNumber(e.target.value)} className="w-16!" /> at once
      <Button type="submit" busy={busy} disabled={!good}>Set</Button>
    </form>
  );
}

export function TagLimits() {
  const found = useQuery({ ...q.limits(), refetchInterval: 10_000 });
  const [deleting, setDeleting] = useState<Limit | null>(null);
  const client = useQueryClient();
  const toasts = useToasts();
  const may = useMay("operate");
  const remove = async () => {
    if (!deleting) return;
    try {
      await api.deleteLimit(deleting.id);
      await client.invalidateQueries({ queryKey: ["limits"] });
    } catch (error) {
      toasts.error("The limit was not removed", error);
      throw error;
    }
  };
  return (
    <Card title="Limits on tags" flush>
      <p className="px-4 pb-2 text-sm text-muted">A tag can stand for something that bears only so much at once: a portal, a licence, an account. The limit holds over all work queues.</p>
      {found.error && !found.data ? <ErrorState error={found.error} onRetry={() => void found.refetch()} /> : found.isPending ? <div className="h-11 border-t border-line px-4 py-2"><Skeleton className="h-7 w-full" /></div> : (
        <ul className="divide-y divide-line border-t border-line">{found.data.items.map((limit) => <Row key={limit.id} limit={limit} onDelete={may ? () => setDeleting(limit) : undefined} />)}</ul>
      )}
      {may && <AddLimit />}
      <Confirm open={deleting !== null} onOpenChange={(open) => !open && setDeleting(null)} title={`Remove the limit on ${deleting?.tag ?? ""}?`} description="Any number of runs with this tag may then be live at once." action="Remove" onConfirm={remove} />
    </Card>
  );
}
