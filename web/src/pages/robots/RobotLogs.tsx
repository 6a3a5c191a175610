// The log of the agent itself: connections, leases, what it was told.
import { useEffect, useRef } from "react";
import { useQuery } from "@tanstack/react-query";
import { api, type LogEntry, type Robot } from "@/api";
import { EmptyState, ErrorState, SkeletonRows, useZone } from "@/ui";
import { LogLine } from "../run/LogLine";

export function RobotLogs({ robot }: { robot: Robot }) {
  const zone = useZone();
  const end = useRef<HTMLDivElement>(null);
  const found = useQuery({ queryKey: ["robots", robot.id, "logs"], queryFn: ({ signal }) => api.robotLogs(robot.id, { limit: 500 }, { signal }), refetchInterval: robot.connected ? 3_000 : false });
  const lines = found.data?.items ?? [];
  useEffect(() => {
    const box = end.current?.parentElement;
    if (box) box.scrollTop = box.scrollHeight;
  }, [lines.length]);
  if (found.error) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  if (found.isPending) return <SkeletonRows />;
  if (lines.length === 0) return <EmptyState title="No line yet">What the agent itself logs appears here: connections, leases, refusals.</EmptyState>;
  return (
    <div tabIndex={0} role="log" aria-live="off" aria-label={`Log of ${robot.name}`} className="min-h-0 flex-1 overflow-auto py-2 -outline-offset-2!">
      {lines.map((l) => <LogLine key={l.seq} line={{ ...l, attempt: 0, stream: "system" } as LogEntry} zone={zone} ansi wrap search="" marked={false} taskLetters={0} onLink={() => undefined} />)}
      <div ref={end} />
    </div>
  );
}
