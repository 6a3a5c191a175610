// Everything that is set of a deployment, in words.
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { q, type Deployment, type RetryPolicy } from "@/api";
import { capitalised, plural } from "@/lib/format";
import { formatTick } from "@/lib/time";
import { Badge, Card, Fact, RelativeTime, ValueTable } from "@/ui";

export const ON_LOST_WORDS: Record<string, string> = {
  fail: "The run ends as crashed",
  retry: "The run is tried again on another robot",
  park: "The run pauses and waits for a person",
  resume: "The run goes on from its checkpoint (graphs only)",
};

export function retryWords(retry: RetryPolicy): string {
  if (retry.max_retries === 0) return "Never";
  const first = formatTick(retry.initial_delay);
  const growth = retry.backoff_factor > 1 && retry.max_retries > 1 ? `, each wait ×${retry.backoff_factor} up to ${formatTick(retry.max_delay)}` : "";
  return `${plural(retry.max_retries, "time")}, first after ${first}${growth}`;
}

/** How long an attempt may go on unheard when nobody chose: a lease where another attempt may follow by itself. */
export function lostAfterUsual(s: { on_lost: string; retry: RetryPolicy }): string {
  const follows = s.on_lost === "retry" || s.on_lost === "resume" || (s.retry.max_retries > 0 && s.retry.retryable_errors.includes("lost"));
  return follows ? "1 minute unheard" : "4 hours unheard";
}

const Words = ({ words }: { words: string[] }) => (words.length ? <span className="flex flex-wrap gap-1">{words.map((w) => <Badge key={w}>{w}</Badge>)}</span> : <span className="text-faint">–</span>);
const Group = ({ children }: { children: ReactNode }) => <dl className="border-t border-line px-4 py-2 first:border-0">{children}</dl>;

/** From which commit its code came: the facts of the version that its next run takes. */
function CommitFacts({ deployment: d }: { deployment: Deployment }) {
  const found = useQuery(q.versions(d.flow_id)).data?.items.find((v) => (d.settings.version_id ? v.id === d.settings.version_id : v.number === d.version));
  const { revision, branch, dirty, subject, message } = found?.source ?? {};
  if (!revision && !message) return null;
  return (
    <>
      {revision && (
        <Fact name="Commit">
          <code className="text-xs" title={revision}>{revision.slice(0, 10)}</code>{branch && <span className="text-muted"> on {branch}</span>}{dirty === "yes" && <span className="text-late"> with uncommitted changes</span>}
          {subject && <span className="block break-words text-muted">{subject}</span>}
        </Fact>
      )}
      {message && <Fact name="Message"><span className="break-words">{message}</span></Fact>}
    </>
  );
}

export function SettingsFacts({ deployment: d }: { deployment: Deployment }) {
  const s = d.settings;
  return (
    <>
      <Card title="Settings" flush>
        <Group>
          <Fact name="Version">{s.version_id ? `Pinned to ${d.version ?? "one that is gone"}` : d.version ? `Newest active, now ${d.version}` : "Newest active; there is none"}</Fact>
          <CommitFacts deployment={d} />
          <Fact name="Work queue"><Link to="/queues/$queue" params={{ queue: s.queue_id }} className="font-medium hover:underline">{d.queue_name}</Link></Fact>
          <Fact name="Priority">{capitalised(s.priority)}</Fact>
          <Fact name="Tags"><Words words={s.tags} /></Fact>
        </Group>
        <Group>
          <Fact name="Robot labels"><Words words={s.labels} /></Fact>
          <Fact name="Capabilities"><Words words={s.capabilities} /></Fact>
          {s.environment && <Fact name="Environment">{s.environment}</Fact>}
          {s.robot_id && <Fact name="Robot"><Link to="/robots/$robot" params={{ robot: s.robot_id }} className="hover:underline">Only this one</Link></Fact>}
          {s.desktop && <Fact name="Desktop">Each run occupies a session of its own</Fact>}
        </Group>
        <Group>
          <Fact name="At once">{s.concurrency_limit == null ? "Any number of runs" : plural(s.concurrency_limit, "run")}</Fact>
          <Fact name="Timeout">{s.timeout_seconds === 0 ? "Without limit" : formatTick(s.timeout_seconds)}</Fact>
          <Fact name="Must start within">{s.start_within_seconds == null ? "No limit" : formatTick(s.start_within_seconds)}</Fact>
          <Fact name="Cancel grace">{formatTick(s.cancel_grace_seconds)}</Fact>
          <Fact name="Asked to end with">{`SIG${(s.stop_signal ?? "term").toUpperCase()}`}</Fact>
          <Fact name="Tries again">{retryWords(s.retry)}</Fact>
          <Fact name="Robot is lost">{ON_LOST_WORDS[s.on_lost] ?? s.on_lost}</Fact>
          <Fact name="It is lost after">{s.lost_after_seconds == null ? lostAfterUsual(s) : `${formatTick(s.lost_after_seconds)} unheard`}</Fact>
        </Group>
        <Group>
          <Fact name="Changed"><RelativeTime at={d.updated_at} /></Fact>
          <Fact name="Made"><RelativeTime at={d.created_at} /></Fact>
        </Group>
      </Card>
      <Card title="Parameters"><ValueTable values={s.parameters} label="Parameters of the deployment" /></Card>
    </>
  );
}
