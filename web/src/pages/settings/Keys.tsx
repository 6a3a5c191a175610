// API keys: made once, shown once, taken back at any time.
import { useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { api, q, type Key } from "@/api";
import { cx } from "@/lib/format";
import { Badge, Button, Card, Checkbox, Confirm, EmptyState, ErrorState, RelativeTime, SearchInput, SkeletonRows, useToasts } from "@/ui";
import { NewKey } from "./NewKey";

function status(key: Key): string | undefined {
  if (key.revoked_at) return "revoked";
  if (key.expires_at && Date.parse(key.expires_at) < Date.now()) return "expired";
  return undefined;
}

function Row({ item, onRevoke }: { item: Key; onRevoke: () => void }) {
  const over = status(item);
  return (
    <li className="flex min-h-12 items-center gap-3 px-4 py-2 hover:bg-hover">
      <KeyRound size={15} className="shrink-0 text-faint" aria-hidden />
      <span className="min-w-0 flex-1">
        <span className={cx("block truncate font-medium", over && "text-muted line-through decoration-1")}>{item.name}</span>
        <span className="block text-xs text-muted">
          made <RelativeTime at={item.created_at} />
          {item.last_used_at ? <>, used <RelativeTime at={item.last_used_at} /></> : ", never used"}
          {item.expires_at && !over && <>, ends <RelativeTime at={item.expires_at} /></>}
        </span>
      </span>
      <Badge>{item.role}</Badge>
      <span className="w-18 text-right">{over ? <span className="text-xs text-muted">{over}</span> : <Button size="sm" weight="quiet" onClick={onRevoke}>Revoke</Button>}</span>
    </li>
  );
}

/** Lists longer than this get a search box. */
const SEARCH_FROM = 8;

export function Keys() {
  const found = useQuery(q.keys());
  const client = useQueryClient();
  const toasts = useToasts();
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const [all, setAll] = useState(false);
  const [words, setWords] = useState("");
  // Those of robots stand on the pages of the robots.
  const keys = (found.data?.items ?? []).filter((k) => !k.robot_id);
  const old = keys.filter((k) => status(k)).length;
  const shown = (all ? keys : keys.filter((k) => !status(k))).filter((k) => `${k.name} ${k.role}`.toLowerCase().includes(words.trim().toLowerCase()));
  const revoke = async () => {
    if (!revoking) return;
    try {
      await api.revokeKey(revoking.id);
      await client.invalidateQueries({ queryKey: ["keys"] });
      toasts.done(`The key ${revoking.name} is revoked`);
    } catch (error) {
      toasts.error("The key was not revoked", error);
      throw error;
    }
  };
  return (
    <Card title="Keys" flush aside={<>{old > 0 && <Checkbox visible label={`Also ${old} that ended`} checked={all} onChange={setAll} />}<Button size="sm" icon={<Plus size={14} />} onClick={() => setMaking(true)}>Make a key</Button></>}>
      <p className="px-4 pb-2 text-sm text-muted">For people, programs and scripts. A robot gets its own when it is added; it stands on the page of the robot.</p>
      {keys.length > SEARCH_FROM && <div className="px-4 pb-2"><SearchInput label="Find a key" value={words} onChange={setWords} className="w-full sm:w-64" /></div>}
      {found.error && !found.data ? <ErrorState error={found.error} onRetry={() => void found.refetch()} /> : found.isPending ? <SkeletonRows rows={3} height={48} /> : shown.length === 0 ? words ? <EmptyState title="No key is called that" className="py-8" /> : <EmptyState title="No key works" className="py-8">Make one to use the API or the command line from elsewhere.</EmptyState> : (
        <ul className="divide-y divide-line border-t border-line">{shown.map((key) => <Row key={key.id} item={key} onRevoke={() => setRevoking(key)} />)}</ul>
      )}
      {making && <NewKey onClose={() => setMaking(false)} />}
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={`Revoke ${revoking?.name ?? ""}?`}
        description="Whatever uses this key stops to work at once, and cannot be given it back."
        action="Revoke"
        onConfirm={revoke}
      />
    </Card>
  );
}
