// What a robot is and how its machine does: figures with their last hour, current runs, what it offers.
import { useMemo, type ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { q, type Robot } from "@/api";
import { bucketed } from "@/lib/chart";
import { formatCount, plural } from "@/lib/format";
import { useNow } from "@/lib/preferences";
import { formatDuration } from "@/lib/time";
import { Badge, Card, Copyable, Duration, Fact, Meter, RelativeTime, Sparkline, StateIcon } from "@/ui";
import { stateColor } from "@/lib/states";
import { useMay } from "@/shell/session";
import { RunLink, UnheardMark } from "../shared/RunBits";
import { RobotKeys } from "./RobotKeys";

function Gauge({ name, value }: { name: string; value: number }) {
  return (
    <div className="min-w-0">
      <p className="text-xs text-muted">{name}</p>
      <p className="text-lg font-semibold">{Math.round(value)}<span className="text-sm font-normal text-muted"> %</span></p>
      <div className="flex h-[22px] items-center"><Meter value={value / 100} label={name} color={value >= 90 ? "var(--fill-late)" : undefined} /></div>
    </div>
  );
}

const words = (list: string[]): ReactNode => (list.length ? <span className="flex flex-wrap gap-1">{list.map((w) => <Badge key={w}>{w}</Badge>)}</span> : "–");

export function RobotFacts({ robot }: { robot: Robot }) {
  const hour = useNow(600_000);
  const from = useMemo(() => new Date(Math.floor(hour / 3_600_000 - 23) * 3_600_000).toISOString(), [hour]);
  const past = useQuery({ ...q.outcomes({ robot: robot.id, from, step_seconds: 3600 }, ["robot", robot.id]), refetchInterval: 60_000 }).data?.items ?? [];
  const starts = Array.from({ length: 24 }, (_, i) => Date.parse(from) / 1000 + i * 3600);
  const ended = bucketed(past, starts, 3600).map((b) => (b ? b.completed + b.failed + b.timed_out + b.crashed + b.cancelled : 0));
  const o = robot.offer;
  const admin = useMay("administer");
  return (
    <div className="grid gap-3 lg:grid-cols-[1.5fr_1fr] lg:grid-rows-[auto_1fr] lg:gap-4">
      <Card title="Load" aside={<span className="text-xs text-muted">{robot.live} of {plural(o.max_concurrent_jobs, "slot")}</span>}>
        <div className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-4">
          <div className="min-w-0">
            <p className="text-xs text-muted">Runs in 24 h</p>
            <p className="text-lg font-semibold">{formatCount(ended.reduce((a, b) => a + b, 0))}</p>
            <Sparkline values={ended} width={180} height={22} label="Runs that ended in each of the last 24 hours" />
          </div>
          <Gauge name="Processor" value={robot.metrics.cpu_percent} />
          <Gauge name="Memory" value={robot.metrics.memory_percent} />
          <Gauge name="Disk" value={robot.metrics.disk_percent} />
        </div>
      </Card>
      <Card title="Runs now">
        {robot.current_runs.length === 0 ? <p className="text-sm text-muted">Nothing. {robot.status === "online" ? "It is free." : robot.drained ? "It takes nothing new: it is safe to restart." : ""}</p> : (
          <ul className="space-y-1.5">
            {robot.current_runs.slice(0, 8).map((r) => (
              <li key={r.run_id} className="flex items-center gap-2">
                <span style={{ color: stateColor(r.state) }} className="inline-flex"><StateIcon state={r.state} /></span>
                <RunLink id={r.run_id} name={r.run_name} />
                {r.unheard && <UnheardMark unheard={r.unheard} />}
                {r.desktop && <Badge>{r.desktop}</Badge>}
                <span className="ml-auto shrink-0 text-muted"><Duration from={r.started_at ?? r.assigned_at} /></span>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Card title="Machine" className="lg:col-start-2 lg:row-span-2 lg:row-start-1">
        <dl className="[&_dt]:w-24 [&>div]:py-0.5">
          <Fact name="Computer">{o.computer || "–"} <span className="text-muted">{o.platform}</span></Fact>
          <Fact name="Version">{o.version || "–"}</Fact>
          <Fact name="Last seen"><RelativeTime at={robot.last_seen} />{robot.metrics.uptime_seconds > 0 && <span className="text-muted"> · up {formatDuration(robot.metrics.uptime_seconds)}</span>}</Fact>
          <Fact name="Queues">{words(o.queues)}</Fact>
          <Fact name="Labels">{words(o.labels)}</Fact>
          <Fact name="Capabilities">{words(o.capabilities)}</Fact>
          {o.environment && <Fact name="Environment">{o.environment}</Fact>}
          {admin && <Fact name="Key"><RobotKeys robot={robot} /></Fact>}
          <Fact name="Id"><Copyable text={robot.id} shown={`…${robot.id.slice(-8)}`} /></Fact>
        </dl>
      </Card>
    </div>
  );
}
