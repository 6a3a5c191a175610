// Work queues: what waits in each, for how long, what holds it back; and the limits on tags.
import { useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Layers, Plus } from "lucide-react";
import { q, type Queue } from "@/api";
import { cx, formatCount, formatRate } from "@/lib/format";
import { useCompact } from "@/lib/preferences";
import { formatDuration } from "@/lib/time";
import { Allowed } from "@/shell/session";
import { Button, DataTable, EmptyState, ErrorState, Page, Sparkline } from "@/ui";
import { PausedMark, RobotsWords, Slots, STRATEGY } from "./bits";
import { NewQueue } from "./NewQueue";
import { QueuePage } from "./QueuePage";
import { TagLimits } from "./TagLimits";
import { useLastHour } from "./useLastHour";

const ROW = 48;
const CARD = 64;

export function Queues() {
  const { queue } = useParams({ strict: false }) as { queue?: string };
  return queue ? <QueuePage key={queue} id={queue} /> : <QueueList />;
}

/** A queue in which nothing waited shows an even line so faint that the others stand out. */
const Hour = ({ values = [], name }: { values?: number[]; name: string }) => (
  <Sparkline values={values} width={110} color={values.some((v) => v > 0) ? undefined : "var(--line-strong)"} label={`Depth of ${name} over the last hour`} />
);

const Rate = ({ values = [] }: { values?: number[] }) => <span title="Runs that ended, over the last hour" className={values.some((v) => v > 0) ? "text-muted" : "text-faint"}>{formatRate(values)}</span>;

const columns = ({ depths, rates }: ReturnType<typeof useLastHour>): ColumnDef<Queue>[] => [
  {
    id: "name",
    header: "Work queue",
    cell: ({ row: { original: one } }) => (
      <span className="min-w-0">
        <span className="flex items-center gap-2"><Link to="/queues/$queue" params={{ queue: one.id }} className="truncate font-medium hover:underline">{one.name}</Link>{one.settings.paused && <PausedMark />}</span>
        {one.settings.description && <span className="block truncate text-xs text-muted">{one.settings.description}</span>}
      </span>
    ),
    meta: { track: "minmax(180px, 1.6fr)" },
  },
  { id: "depth", header: "Waiting", cell: ({ row }) => <span className={row.original.depth ? "font-medium" : "text-faint"}>{formatCount(row.original.depth)}</span>, meta: { track: "84px", align: "right" } },
  { id: "oldest", header: "Oldest", cell: ({ row }) => <span className={row.original.oldest_wait_seconds ? "" : "text-faint"}>{row.original.oldest_wait_seconds ? formatDuration(row.original.oldest_wait_seconds) : "–"}</span>, meta: { track: "96px", align: "right" } },
  { id: "hour", header: "Last hour", cell: ({ row }) => <Hour values={depths.get(row.original.id)} name={row.original.name} />, meta: { track: "128px", from: 900 } },
  { id: "rate", header: "Rate", cell: ({ row }) => <Rate values={rates.get(row.original.id)} />, meta: { track: "84px", align: "right", from: 900 } },
  { id: "live", header: "Running", cell: ({ row }) => <Slots queue={row.original} />, meta: { track: "132px" } },
  { id: "robots", header: "Robots", cell: ({ row }) => <RobotsWords queue={row.original} />, meta: { track: "minmax(156px, .8fr)", from: 700 } },
  { id: "strategy", header: "Strategy", cell: ({ row }) => <span className="truncate text-muted">{STRATEGY[row.original.settings.strategy].name}</span>, meta: { track: "108px", from: 980 } },
];

function Card({ queue }: { queue: Queue }) {
  return (
    <>
      <span className="flex items-center gap-2"><span className="truncate font-medium">{queue.name}</span>{queue.settings.paused && <PausedMark />}<span className="ml-auto text-sm">{formatCount(queue.depth)} waiting</span></span>
      <span className="mt-1 flex items-center gap-3 text-xs text-muted"><RobotsWords queue={queue} /><span className="ml-auto">{queue.oldest_wait_seconds ? `oldest ${formatDuration(queue.oldest_wait_seconds)}` : `${queue.live} running`}</span></span>
    </>
  );
}

/** Queues shown before the list scrolls by itself. */
const MOST_SHOWN = 24;

/** Each robot brings a queue of its own: those stand folded below the ones that several share or that somebody described. */
const isOwn = (queue: Queue): boolean => queue.robots === 1 && queue.name !== "default" && !queue.settings.description;

function QueueList() {
  const found = useQuery(q.queues());
  const hour = useLastHour();
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const [unfolded, setUnfolded] = useState(false);
  const all = found.data?.items;
  const own = useMemo(() => (all ?? []).filter(isOwn), [all]);
  const folds = own.length > 1;
  const rows = useMemo(() => (!folds ? (all ?? []) : [...(all ?? []).filter((one) => !isOwn(one)), ...(unfolded ? own : [])]), [all, own, folds, unfolded]);
  const waiting = own.reduce((sum, one) => sum + one.depth, 0);
  const compact = useCompact();
  const room = Math.min(rows.length || 4, MOST_SHOWN) * (compact ? CARD : ROW) + (compact ? 2 : 36);
  return (
    <Page title="Work queues" actions={<Allowed to="deploy"><Button icon={<Plus size={14} />} onClick={() => setMaking(true)}>New work queue</Button></Allowed>}>
      {found.error && !found.data ? (
        <ErrorState error={found.error} onRetry={() => void found.refetch()} />
      ) : (
        <div className="flex flex-col gap-4">
          <section aria-label="Work queues" className="flex flex-col overflow-hidden rounded-lg border border-line bg-surface shadow-card" style={{ height: room }}>
            <DataTable
              label="Work queues"
              rows={rows}
              columns={columns(hour)}
              rowId={(one) => one.id}
              rowHeight={ROW}
              cardHeight={CARD}
              card={(one) => <Card queue={one} />}
              loading={found.isPending}
              onOpen={(one) => void navigate({ to: "/queues/$queue", params: { queue: one.id } })}
              empty={<EmptyState icon={<Layers size={18} />} title="There is no work queue">The queue default comes back with the next start of the server.</EmptyState>}
            />
          </section>
          {folds && (
            <button type="button" aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)} className="-mt-2 inline-flex h-8 items-center gap-1.5 self-start rounded-md px-2 text-sm font-medium text-muted hover:bg-hover hover:text-fg">
              <ChevronRight size={14} className={cx("transition-transform", unfolded && "rotate-90")} aria-hidden />Queues of single robots ({own.length}){waiting > 0 && <span className="font-normal">, {formatCount(waiting)} waiting</span>}
            </button>
          )}
          {found.data && <TagLimits />}
        </div>
      )}
      {making && <NewQueue onClose={() => setMaking(false)} />}
    </Page>
  );
}
