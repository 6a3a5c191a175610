// An invented fleet for developing the dashboard without a server: shaped by the API types, moving like the real thing.
import type * as t from "../src/api/types";

let seed = 42;
export function random(): number {
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
let ids = 0;
export function uuid(): string {
  ids += 1;
  const hex = (n: number, w: number) => Math.floor(n).toString(16).padStart(w, "0").slice(-w);
  return `${hex(Date.now() / 65536, 8)}-${hex(Date.now() % 65536, 4)}-7${hex(ids, 3)}-a${hex(random() * 4096, 3)}-${hex(random() * 2 ** 32, 8)}${hex(random() * 65536, 4)}`;
}
const iso = (at: number) => new Date(at).toISOString();
const ADJ = ["brisk", "calm", "amber", "quiet", "swift", "lucid", "mellow", "noble", "plucky", "sunny", "vivid", "wily", "gentle", "bold", "crisp"];
const ANIMAL = ["otter", "heron", "lynx", "marten", "finch", "badger", "ibis", "tapir", "wren", "gecko", "puffin", "stoat", "crane", "vole"];

export const queues: t.Queue[] = ["default", "finance", "web-portal", "nightly"].map((name, i) => ({
  id: uuid(), name, settings: { description: i ? `Runs of ${name}` : "Everything else", strategy: "least_loaded", concurrency_limit: i === 1 ? 2 : null, paused: name === "nightly" },
  depth: 0, oldest_due_at: null, oldest_wait_seconds: null, live: 0, holders: [], robots: 4, robots_online: 3, created_at: iso(Date.now() - 9e9),
}));
const queueNamed = (name: string) => queues.find((q) => q.name === name) as t.Queue;

const FLOWS: [string, string, string, string[], number][] = [
  ["invoice-intake", "Finance/Payables", "Reads invoices from the mailbox and books them", ["finance", "daily"], 95],
  ["bank-reconciliation", "Finance/Treasury", "Matches statements with the ledger", ["finance", "critical"], 310],
  ["vendor-onboarding", "Finance/Payables", "Creates vendors after their check", ["finance"], 48],
  ["price-scraper", "Sales", "Collects prices of competitors", ["web", "hourly"], 22],
  ["crm-sync", "Sales", "Copies new contacts to the CRM", ["web"], 12],
  ["kpi-dashboard", "Reports", "Renders the daily KPI dashboard", ["reports", "daily"], 170],
  ["tax-archive", "Finance", "Archives a month for the auditors", ["finance", "monthly"], 900],
  ["hr-leavers", "People", "Closes the accounts of leavers", ["people"], 64],
];
export const flows: t.Flow[] = FLOWS.map(([name, folder, description, tags], i) => ({
  id: uuid(), name, folder, description, tags, latest_version_id: uuid(), latest_version: 3 + i, created_at: iso(Date.now() - 5e9), updated_at: iso(Date.now() - 4e8 * (i + 1)),
}));
const schema = {
  type: "object", required: ["region"],
  properties: {
    region: { type: "string", title: "Region", enum: ["EMEA", "APAC", "AMER"], default: "EMEA" },
    month: { type: "string", format: "date", title: "Month" },
    limit: { type: "integer", title: "Most items", minimum: 1, maximum: 10000, default: 500 },
    dry_run: { type: "boolean", title: "Dry run", default: false },
  },
};
export const versions: t.Version[] = flows.flatMap((f) =>
  Array.from({ length: f.latest_version ?? 1 }, (_, i): t.Version => ({
    id: i + 1 === f.latest_version ? (f.latest_version_id as string) : uuid(), flow_id: f.id, number: i + 1, status: i + 1 === f.latest_version ? "active" : "deprecated",
    package: "9f2c" + String(i).repeat(12), entry: { kind: "command", argv: ["python", `${f.name}.py`, "--region", "{{region}}"], env: {}, workdir: "" }, parameter_schema: schema as unknown as t.JsonObject,
    source: { path: `flows/${f.name}`, revision: `4e1${i}c9` }, created_at: iso(Date.now() - 4e9 + i * 3e8),
  })),
);

const robot = (name: string, computer: string, slots: number, connected: boolean, extra: Partial<t.Robot> = {}): t.Robot => ({
  id: uuid(), name, status: "online", connected, draining: false, drained: false, drain_comment: "",
  offer: { computer, platform: "linux x86_64", version: "0.1.0", installation: "", boot_id: uuid(), environment: "production", labels: ["region=eu", "sap"], capabilities: ["python", "browser"], queues: ["default", computer, "finance", "web-portal"], desktops: [], max_concurrent_jobs: slots, in_server: false },
  load: 0, live: 0, current_runs: [], last_seen: iso(Date.now() - (connected ? 2000 : 5_400_000)), lease_until: null,
  metrics: { cpu_percent: 20 + random() * 50, memory_percent: 35 + random() * 30, disk_percent: 40 + random() * 30, uptime_seconds: 86_400 * 4.2 }, session: 12, created_at: iso(Date.now() - 6e9), ...extra,
});
export const robots: t.Robot[] = [
  robot("atlas", "FIN-VM-01", 4, true), robot("borealis", "FIN-VM-02", 4, true), robot("cassini", "WEB-VM-01", 2, true),
  robot("dione", "WEB-VM-02", 2, true, { draining: true, drain_comment: "Windows updates at 18:00" }), robot("europa", "HR-PC-07", 1, true), robot("ferro", "LAB-11", 1, false),
];

export const deployments: t.Deployment[] = flows.map((f, i): t.Deployment => {
  const id = uuid();
  const rules: t.Rule[] = [{ frequency: "cron", expression: "*/15 6-20 * * mon-fri" }, { frequency: "daily", time: "06:30" }, { frequency: "interval", every_seconds: 3600, wall_clock: false }];
  const words = ["Every 15 minutes, between 06:00 and 20:59, Monday to Friday", "Every day at 06:30", "Every hour"];
  const schedule: t.Schedule = {
    id: uuid(), deployment_id: id, deployment_name: "default", flow_id: f.id, flow_name: f.name, name: "main",
    settings: { rule: rules[i % 3] as t.Rule, timezone: "Europe/Berlin", jitter_seconds: 0, missed: { policy: "last", window_seconds: 86400 }, overlap: "skip", parameters: {} },
    description: words[i % 3] as string, paused: i === 6, deployment_paused: false, over: false, next_at: i === 6 ? null : iso(Date.now() + 240_000 * (i + 1)), last_slot: iso(Date.now() - 700_000), created_at: iso(Date.now() - 4e9), updated_at: iso(Date.now() - 4e8),
  };
  const queue = queueNamed(i < 3 ? "finance" : i < 5 ? "web-portal" : "default");
  return {
    id, flow_id: f.id, flow_name: f.name, name: "default", full_name: `${f.name}/default`, queue_name: queue.name, version_id: f.latest_version_id, version: f.latest_version, schedules: [schedule], next_at: schedule.next_at,
    settings: { version_id: null, queue_id: queue.id, description: f.description, tags: f.tags, parameters: { region: "EMEA" }, priority: i === 1 ? "critical" : "normal", labels: [], capabilities: [], environment: null, robot_id: null, desktop: false, concurrency_limit: null, timeout_seconds: 3600, cancel_grace_seconds: 30, stop_signal: "term", retry: { max_retries: 2, initial_delay: 1, max_delay: 60, backoff_factor: 2, retryable_errors: [] }, on_lost: "fail", start_within_seconds: null, paused: false },
    created_at: iso(Date.now() - 4e9), updated_at: iso(Date.now() - 4e8),
  };
});

export const runs: t.Run[] = [];
const ERRORS: t.ErrorInfo[] = [
  { kind: "failed", message: "LoginError: the portal refused the password of svc-invoices (HTTP 401)", task: "log-in", stack: "Traceback (most recent call last):\n  File \"invoice-intake.py\", line 88, in log_in\n    raise LoginError(response)\nLoginError: the portal refused the password of svc-invoices (HTTP 401)" },
  { kind: "business", message: "Invoice 2026-4411 has no purchase order", task: "match" },
];
const OUTCOMES: t.State[] = ["completed", "completed", "completed", "completed", "completed", "completed", "completed", "completed", "completed", "failed", "completed", "completed", "timed_out", "completed", "completed", "crashed", "completed", "cancelled"];

export function makeRun(created: number, state: t.State): t.Run {
  const i = Math.floor(random() * flows.length);
  const flow = flows[i] as t.Flow;
  const deployment = deployments[i] as t.Deployment;
  const manual = random() < 0.2;
  const usual = FLOWS[i]?.[4] ?? 30;
  const length = usual * (0.6 + random() * random() * 2) * 1000;
  const r = pick(robots.filter((x) => x.connected));
  const started = created + 180 + random() * 1500;
  const begun = !["pending", "queued"].includes(state);
  const ended = OUTCOMES.includes(state) ? started + (state === "failed" ? length * 0.4 : length) : null;
  const attempt = state === "completed" && random() < 0.08 ? 2 : 1;
  return {
    id: uuid(), name: `${pick(ADJ)}-${pick(ANIMAL)}`, label: manual ? flow.name : `${flow.name}-${r.offer.computer}`, state, job_status: state, late: false, retrying: attempt > 1, unattended: !manual, attempt, retries_used: attempt - 1, fence: 7, live: state === "running",
    flow_id: flow.id, flow_name: flow.name, deployment_id: manual ? null : deployment.id, deployment_name: manual ? null : "default", version_id: flow.latest_version_id, queue_id: deployment.settings.queue_id, queue_name: deployment.queue_name,
    robot_id: begun ? r.id : null, robot_name: begun ? r.name : null, computer: begun ? r.offer.computer : null, target_robot_id: null, priority: deployment.settings.priority, tags: flow.tags, labels: [], capabilities: [], environment: null, executor: "robot",
    trigger: manual ? { kind: "manual", by: "maria" } : { kind: "schedule", schedule_id: deployment.schedules[0]?.id ?? "", slot: iso(created), after_running: false }, timeout_seconds: 3600, cancel_grace_seconds: 30, stop_signal: "term", retry: deployment.settings.retry, on_lost: "fail", lost_after_seconds: 14_400,
    parameters: { region: pick(["EMEA", "APAC", "AMER"]), month: "2026-10-01", limit: 500, dry_run: false },
    created_at: iso(created), due_at: iso(created), queued_at: iso(created + 12), dispatched_at: begun ? iso(started - 90) : null, started_at: begun ? iso(started) : null, ended_at: ended ? iso(ended) : null, changed_at: iso(ended ?? started), start_deadline: null,
    error: ["failed", "timed_out", "crashed"].includes(state) ? (state === "failed" ? pick(ERRORS) : { kind: state === "crashed" ? "lost" : "timed_out", message: state === "crashed" ? "The robot dione was lost: its lease lapsed while the run was on it" : "The run took longer than its 3600 s" }) : null,
    progress: state === "running" ? { percent: Math.round(random() * 90), message: "Booking invoice 118 of 240", task: "book" } : null,
  };
}

const now = Date.now();
for (let i = 0; i < 900; i++) runs.push(makeRun(now - 60_000 - i * 94_000 * (0.5 + random()), pick(OUTCOMES)));
for (let i = 0; i < 6; i++) runs.push(makeRun(now - 5_000 - random() * 90_000, "running"));
for (let i = 0; i < 5; i++) runs.push(makeRun(now - random() * 9_000, "queued"));
for (let i = 0; i < 3; i++) runs.push(makeRun(now - 140_000 - random() * 900_000, "queued"));
for (let i = 0; i < 4; i++) { const r = makeRun(now - 100, "pending"); r.due_at = iso(now + 600_000 * (i + 1)); runs.push(r); }
runs.push(makeRun(now - 4000, "dispatched"), makeRun(now - 300_000, "paused"), makeRun(now - 120_000, "cancelling"));
runs.sort((a, b) => b.created_at.localeCompare(a.created_at));

export function refreshDerived() {
  for (const run of runs) run.late = ["pending", "queued", "dispatched"].includes(run.state) && Date.now() - Date.parse(run.due_at) > 15_000;
  for (const r of robots) {
    const mine = runs.filter((x) => x.robot_id === r.id && ["running", "dispatched", "cancelling"].includes(x.state));
    r.live = mine.length;
    r.load = Math.min(1, mine.length / r.offer.max_concurrent_jobs);
    r.current_runs = mine.slice(0, 8).map((x) => ({ run_id: x.id, run_name: x.name, flow_id: x.flow_id, attempt: x.attempt, state: x.state, assigned_at: x.dispatched_at ?? x.created_at, started_at: x.started_at }));
    r.status = !r.connected ? "offline" : r.draining ? "draining" : mine.length >= r.offer.max_concurrent_jobs ? "busy" : "online";
    if (r.connected) r.last_seen = iso(Date.now() - 1500);
  }
  for (const q of queues) {
    const waiting = runs.filter((x) => x.queue_id === q.id && x.state === "queued");
    q.depth = waiting.length;
    const oldest = waiting.map((x) => x.due_at).sort()[0];
    q.oldest_due_at = oldest ?? null;
    q.oldest_wait_seconds = oldest ? (Date.now() - Date.parse(oldest)) / 1000 : null;
    q.live = runs.filter((x) => x.queue_id === q.id && x.state === "running").length;
  }
}
