// Everything else about a run: its parameters, and what it was made with.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q, type Run } from "@/api";
import { capitalised } from "@/lib/format";
import { formatTick } from "@/lib/time";
import { Badge, Card, Copyable, ExactTime, Fact, ValueTable } from "@/ui";
import { RunLink } from "../shared/RunBits";

const LOST = { fail: "It fails as crashed", retry: "It is tried again", park: "It is parked for a person", resume: "It resumes from its checkpoint" } as const;

export function Details({ run }: { run: Run }) {
  const version = useQuery({ ...q.version(run.version_id ?? ""), enabled: Boolean(run.version_id) });
  const words = (list: string[]) => (list.length ? <span className="flex flex-wrap gap-1">{list.map((w) => <Badge key={w}>{w}</Badge>)}</span> : "–");
  const v = version.data;
  return (
    <div className="mx-auto grid w-full max-w-[1440px] items-start gap-4 px-4 py-4 sm:px-6 lg:grid-cols-2">
      <Card title="Parameters" className="lg:col-span-2"><ValueTable values={run.parameters ?? {}} label="Parameters" /></Card>
      <Card title="What it is">
        <dl>
          <Fact name="Id"><Copyable text={run.id} /></Fact>
          <Fact name="Version">{v ? <>{v.number} <span className="text-muted">({v.status})</span></> : run.version_id ? "…" : "–"}</Fact>
          {v?.entry.kind === "command" && <Fact name="Command"><code className="text-xs">{v.entry.argv.join(" ")}</code></Fact>}
          {v && Object.entries(v.source).map(([name, value]) => <Fact key={name} name={`Source ${name}`}><code className="text-xs">{value}</code></Fact>)}
          <Fact name="Executed by">{run.executor === "robot" ? "A robot" : run.executor === "worker" ? "A worker that pulls" : "A person's own process"}</Fact>
          {run.trigger.kind === "schedule" && <Fact name="Slot"><ExactTime at={run.trigger.slot} /></Fact>}
          {run.trigger.kind === "parent" && <Fact name="Parent"><RunLink id={run.trigger.run_id} name={run.trigger.run_id} className="font-mono text-xs hover:underline" /></Fact>}
          <Fact name="Tags">{words(run.tags)}</Fact>
        </dl>
      </Card>
      <Card title="How it runs">
        <dl>
          <Fact name="Work queue"><Link to="/queues/$queue" params={{ queue: run.queue_name }} className="hover:underline">{run.queue_name}</Link></Fact>
          <Fact name="Priority">{capitalised(run.priority)}</Fact>
          <Fact name="Needs labels">{words(run.labels)}</Fact>
          <Fact name="Needs capabilities">{words(run.capabilities)}</Fact>
          <Fact name="Environment">{run.environment ?? "Any"}</Fact>
          <Fact name="Time limit">{run.timeout_seconds ? formatTick(run.timeout_seconds) : "None"}</Fact>
          <Fact name="Cancel grace">{formatTick(run.cancel_grace_seconds)}</Fact>
          <Fact name="Asked to end with">{`SIG${(run.stop_signal ?? "term").toUpperCase()}`}</Fact>
          <Fact name="Retries">{run.retry.max_retries ? `${run.retries_used} of ${run.retry.max_retries} used; first after ${formatTick(run.retry.initial_delay)}, then × ${run.retry.backoff_factor}` : "None"}</Fact>
          <Fact name="If its robot is lost">{LOST[run.on_lost]}</Fact>
          <Fact name="Lost after">{formatTick(run.lost_after_seconds)} unheard</Fact>
          <Fact name="Due"><ExactTime at={run.due_at} /></Fact>
          {run.start_deadline && <Fact name="Must start by"><ExactTime at={run.start_deadline} /></Fact>}
        </dl>
      </Card>
    </div>
  );
}
