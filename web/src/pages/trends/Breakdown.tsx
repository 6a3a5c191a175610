// The same figures of each flow, deployment or robot, as a table that can be sorted.
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { ArrowDown } from "lucide-react";
import { q, type OutcomeBucket, type OutcomeQuery } from "@/api";
import { badOf, endedOf } from "@/lib/dayCalendar";
import { cx, formatCount, formatPercent } from "@/lib/format";
import { formatDuration } from "@/lib/time";
import { Card, EmptyState, ErrorState, Meter, Segmented, SkeletonRows } from "@/ui";
import type { Subject } from "./Trends";

interface BreakdownProps {
  by: Subject;
  asked: { from: string; until?: string };
  filter: Pick<OutcomeQuery, Subject>;
  onBy: (by: Subject) => void;
  onPick: (id: string) => void;
}

type Column = "ended" | "bad" | "rate" | "p50" | "p95";
const VALUES: Record<Column, (b: OutcomeBucket) => number> = {
  ended: endedOf, bad: badOf, rate: (b) => -(b.success_rate ?? 101), p50: (b) => b.p50_seconds ?? -1, p95: (b) => b.p95_seconds ?? -1,
};
const NAMES: Record<Column, string> = { ended: "Ended", bad: "Failed", rate: "Success", p50: "p50", p95: "p95" };
const TITLES: Record<Subject, string> = { flow: "By flow", deployment: "By deployment", robot: "By robot" };
/** More rows would hide that the table is a summary. */
const MOST_ROWS = 50;

const idOf = (b: OutcomeBucket, by: Subject): string | null | undefined => (by === "flow" ? b.flow_id : by === "deployment" ? b.deployment_id : b.robot_id);

export function Breakdown({ by, asked, filter, onBy, onPick }: BreakdownProps) {
  const [sort, setSort] = useState<Column>("ended");
  const found = useQuery({ ...q.outcomes({ ...filter, ...asked, by, step_seconds: 0 }, ["metrics", "by", by, filter, asked]), refetchInterval: 60_000 });
  const all = [...(found.data?.items ?? [])].filter((b) => idOf(b, by)).sort((a, b) => VALUES[sort](b) - VALUES[sort](a));
  const most = Math.max(1, ...all.map(endedOf));
  return (
    <Card title={TITLES[by]} flush className="lg:col-span-2" aside={<Segmented label="One row for each" value={by} onChange={onBy} options={[{ value: "flow", label: "Flow" }, { value: "deployment", label: "Deployment" }, { value: "robot", label: "Robot" }]} />}>
      {found.error && !found.data ? <ErrorState error={found.error} onRetry={() => void found.refetch()} /> : found.isPending ? <SkeletonRows rows={5} /> : all.length === 0 ? <EmptyState title="Nothing ran in this time" className="py-8">Choose a longer range, or fewer filters.</EmptyState> : (
        <div className="overflow-x-auto">
          <table className="mt-1 w-full min-w-[560px] text-sm">
            <thead>
              <tr className="border-y border-line text-xs text-muted">
                <th className="px-4 py-1.5 text-left font-medium">{by === "flow" ? "Flow" : by === "deployment" ? "Deployment" : "Robot"}</th>
                {(Object.keys(NAMES) as Column[]).map((c) => (
                  <th key={c} aria-sort={sort === c ? "descending" : undefined} className="w-24 px-2 py-1.5 text-right font-medium last:pr-4">
                    <button type="button" onClick={() => setSort(c)} className={cx("inline-flex items-center gap-1 rounded-sm hover:text-fg", sort === c && "text-fg")}>{sort === c && <ArrowDown size={12} aria-hidden />}{NAMES[c]}</button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {all.slice(0, MOST_ROWS).map((b) => (
                <tr key={idOf(b, by)} className="h-9 border-b border-line last:border-0 hover:bg-hover">
                  <td className="px-4">
                    <span className="flex items-center gap-4">
                      <button type="button" onClick={() => onPick(idOf(b, by) ?? "")} title="Show only this" className="w-56 shrink-0 truncate rounded-sm text-left font-medium hover:underline">{b.name ?? "one that was deleted"}</button>
                      <span className="hidden w-40 sm:block"><Meter value={endedOf(b) / most} label={`Share of ${b.name ?? ""}`} /></span>
                    </span>
                  </td>
                  <td className="px-2 text-right">{formatCount(endedOf(b))}</td>
                  <td className={cx("px-2 text-right", badOf(b) > 0 ? "text-failed" : "text-faint")}>{formatCount(badOf(b))}</td>
                  <td className="px-2 text-right">{b.success_rate == null ? "–" : formatPercent(b.success_rate)}</td>
                  <td className="px-2 text-right text-muted">{formatDuration(b.p50_seconds)}</td>
                  <td className="pr-4 pl-2 text-right text-muted">{formatDuration(b.p95_seconds)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {all.length > MOST_ROWS && <p className="px-4 py-2 text-xs text-muted">The first {MOST_ROWS} of {all.length} in this order.</p>}
        </div>
      )}
    </Card>
  );
}
