// The live attempts that hold a limit: which run, on which robot, since when.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type LimitHolder } from "@/api";
import { Duration, StateBadge } from "@/ui";
import { RunLink } from "../shared/RunBits";

export function Holders({ holders, empty }: { holders: LimitHolder[]; empty: string }) {
  const robots = useQuery(q.robots());
  if (holders.length === 0) return <p className="px-4 pb-4 text-sm text-muted">{empty}</p>;
  return (
    <ul className="divide-y divide-line border-t border-line">
      {holders.map((h) => (
        <li key={`${h.run_id}-${h.attempt}`} className="grid h-9 grid-cols-[112px_minmax(0,1fr)_auto] items-center gap-3 px-4 hover:bg-hover sm:grid-cols-[128px_minmax(0,1fr)_minmax(0,140px)_72px]">
          <StateBadge state={h.state} />
          <span className="flex min-w-0 items-center gap-1.5"><RunLink id={h.run_id} name={h.run_name} />{h.attempt > 1 && <span className="text-xs text-muted">#{h.attempt}</span>}</span>
          <span className="hidden truncate text-muted sm:block">{h.robot_id && <Link to="/robots/$robot" params={{ robot: h.robot_id }} className="hover:underline">{robots.data?.items.find((r) => r.id === h.robot_id)?.name ?? "a robot"}</Link>}</span>
          <span className="text-right"><Duration from={h.started_at} /></span>
        </li>
      ))}
    </ul>
  );
}
