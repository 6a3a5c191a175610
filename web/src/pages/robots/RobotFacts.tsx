// What a robot is and how its machine does: figures with their last hour, current runs, what it offers.
import { useMemo, type ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { q, type Robot } from "@/api";
import { useNow } from "@/lib/preferences";
import { formatDuration } from "@/lib/time";
import { Badge, Card, Copyable, Duration, Fact, RelativeTime, Sparkline, StateIcon } from "@/ui";
import { stateColor } from "@/lib/states";
import { RunLink } from "../shared/RunBits";

/** Keeps the last values it saw while the page is open, for machines whose samples are not stored. */
function Gauge({ name, value, unit, points }: { name: string; value: number; unit: string; points: number[] }) {
  return (
    <div className="min-w-0">
      <p className="text-xs text-muted">{name}</p>
      <p className="text-lg font-semibold">{Math.round(value)}<span className="text-sm font-normal text-muted"> {unit}</span></p>
      <Sparkline values={points} max={100} width={180} height={22} label={`${name} over the last hour`} />
    </div>
  );
}

const words = (list: string[]): ReactNode => (list.length ? <span className="flex flex-wrap gap-1">{list.map((w) => <Badge key={w}>{w}</Badge>)}</span> : "–");

export function RobotFacts({ robot }: { robot: Robot }) {
  const minute = useNow(60_000);
  const from = useMemo(() => new Date(Math.floor(minute / 60_000) * 60_000 - 3_600_000).toISOString(), [minute]);
  const use = useQuery({ ...q.samples({ metric: "robot_utilization", subject: robot.id, from, grain_seconds: 60 }, ["robot", robot.id]), retry: false });
  const utilization = (use.data?.series[0]?.points ?? []).map((p) => p.value * (p.value <= 1 ? 100 : 1));
  const o = robot.offer;
  return (
    <div className="grid gap-3 lg:grid-cols-[1.1fr_1fr_1fr] lg:gap-4">
      <Card title="Load" aside={<span className="text-xs text-muted">{robot.live} of {o.max_concurrent_jobs} slots</span>}>
        <div className="grid grid-cols-2 gap-x-4 gap-y-3">
          <Gauge name="Slots taken" value={robot.load * 100} unit="%" points={utilization} />
          <Gauge name="Processor" value={robot.metrics.cpu_percent} unit="%" points={[]} />
          <Gauge name="Memory" value={robot.metrics.memory_percent} unit="%" points={[]} />
          <Gauge name="Disk" value={robot.metrics.disk_percent} unit="%" points={[]} />
        </div>
      </Card>
      <Card title="Runs now">
        {robot.current_runs.length === 0 ? <p className="text-sm text-muted">Nothing. {robot.status === "online" ? "It is free." : ""}</p> : (
          <ul className="space-y-1.5">
            {robot.current_runs.slice(0, 8).map((r) => (
              <li key={r.run_id} className="flex items-center gap-2">
                <span style={{ color: stateColor(r.state) }} className="inline-flex"><StateIcon state={r.state} /></span>
                <RunLink id={r.run_id} name={r.run_name} />
                {r.desktop && <Badge>{r.desktop}</Badge>}
                <span className="ml-auto shrink-0 text-muted"><Duration from={r.started_at ?? r.assigned_at} /></span>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Card title="Machine">
        <dl className="[&_dt]:w-24">
          <Fact name="Computer">{o.computer || "–"} <span className="text-muted">{o.platform}</span></Fact>
          <Fact name="Version">{o.version || "–"}</Fact>
          <Fact name="Last seen"><RelativeTime at={robot.last_seen} />{robot.metrics.uptime_seconds > 0 && <span className="text-muted"> · up {formatDuration(robot.metrics.uptime_seconds)}</span>}</Fact>
          <Fact name="Queues">{words(o.queues)}</Fact>
          <Fact name="Labels">{words(o.labels)}</Fact>
          <Fact name="Can do">{words(o.capabilities)}</Fact>
          {o.environment && <Fact name="Environment">{o.environment}</Fact>}
          <Fact name="Id"><Copyable text={robot.id} shown={`…${robot.id.slice(-8)}`} /></Fact>
        </dl>
      </Card>
    </div>
  );
}
