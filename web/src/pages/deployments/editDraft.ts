// The settings of a deployment as they stand in inputs, and the patch that they come to; pure.
import type { Deployment, DeploymentPatch, OnLost, Priority, RetryPolicy, StopSignal } from "@/api";

export interface EditDraft {
  versionId: string;
  queue: string;
  description: string;
  tags: string;
  labels: string;
  capabilities: string;
  environment: string;
  robotId: string;
  priority: Priority;
  desktop: boolean;
  concurrency: string;
  timeout: string;
  grace: string;
  stopSignal: StopSignal;
  startWithin: string;
  maxRetries: string;
  initialDelay: string;
  maxDelay: string;
  factor: string;
  onLost: OnLost;
  lostAfter: string;
}

const text = (n: number | null | undefined): string => (n === null || n === undefined ? "" : String(n));

export function numbersOf(d: Deployment): EditDraft {
  const s = d.settings;
  return {
    versionId: s.version_id ?? "", queue: d.queue_name, description: s.description, tags: s.tags.join(", "), labels: s.labels.join(", "), capabilities: s.capabilities.join(", "),
    environment: s.environment ?? "", robotId: s.robot_id ?? "", priority: s.priority, desktop: s.desktop, concurrency: text(s.concurrency_limit), timeout: text(s.timeout_seconds),
    grace: text(s.cancel_grace_seconds), stopSignal: s.stop_signal ?? "term", startWithin: text(s.start_within_seconds), maxRetries: text(s.retry.max_retries), initialDelay: text(s.retry.initial_delay),
    maxDelay: text(s.retry.max_delay), factor: text(s.retry.backoff_factor), onLost: s.on_lost, lostAfter: text(s.lost_after_seconds),
  };
}

export const words = (list: string): string[] => [...new Set(list.split(",").map((w) => w.trim()).filter(Boolean))].sort();

/** The patch, and for each number that is none a sentence under the name of its field. */
export function patchOf(draft: EditDraft, retry: RetryPolicy): { patch: DeploymentPatch; wrong: Record<string, string> } {
  const wrong: Record<string, string> = {};
  const number = (name: string, typed: string, whole: boolean, least: number): number => {
    const n = Number(typed);
    if (typed.trim() === "" || !Number.isFinite(n) || n < least || (whole && !Number.isInteger(n))) wrong[name] = `${whole ? "A whole number" : "A number"} from ${least}`;
    return n;
  };
  const optional = (name: string, typed: string, least: number): number | null => (typed.trim() === "" ? null : number(name, typed, true, least));
  const patch: DeploymentPatch = {
    version_id: draft.versionId || null, queue: draft.queue.trim(), description: draft.description, tags: words(draft.tags), labels: words(draft.labels), capabilities: words(draft.capabilities),
    environment: draft.environment.trim() || null, robot_id: draft.robotId || null, priority: draft.priority, desktop: draft.desktop,
    concurrency_limit: optional("concurrency_limit", draft.concurrency, 1), timeout_seconds: number("timeout_seconds", draft.timeout, true, 0), cancel_grace_seconds: number("cancel_grace_seconds", draft.grace, true, 0), stop_signal: draft.stopSignal,
    start_within_seconds: optional("start_within_seconds", draft.startWithin, 1), on_lost: draft.onLost, lost_after_seconds: optional("lost_after_seconds", draft.lostAfter, 60),
    retry: { ...retry, max_retries: number("max_retries", draft.maxRetries, true, 0), initial_delay: number("initial_delay", draft.initialDelay, false, 0), max_delay: number("max_delay", draft.maxDelay, false, 0), backoff_factor: number("backoff_factor", draft.factor, false, 1) },
  };
  if (!patch.queue) wrong.queue = "A work queue is needed, such as default";
  return { patch, wrong };
}
