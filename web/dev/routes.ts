// Answers of the invented server, by method and path.
import type * as t from "../src/api/types";
import { deployments, flows, makeRun, queues, random, refreshDerived, robots, runs, uuid, versions } from "./world.ts";

const iso = (at: number) => new Date(at).toISOString();
const TASKS: [string, string, string[], number, number][] = [
  ["open", "Open the mailbox", [], 0, 0.08], ["fetch", "Fetch invoices", ["open"], 0.08, 0.3], ["ocr-1", "Read page 1", ["fetch"], 0.3, 0.52], ["ocr-2", "Read page 2", ["fetch"], 0.3, 0.6],
  ["match", "Match purchase orders", ["ocr-1", "ocr-2"], 0.6, 0.74], ["book", "Book", ["match"], 0.74, 0.95], ["mail", "Send the summary", ["book"], 0.95, 1],
];
const WORDS = ["Opened the mailbox invoices@example.com", "Fetched 24 messages in 1.82 s", "Read invoice 2026-4411: \u001b[32m1,280.50 EUR\u001b[0m", "retrying after HTTP 503 (2 of 5)", "Matched purchase order PO-88121", "Booked document 5105600731", "The field 'cost centre' is empty; using 4711", "Traceback (most recent call last):", "\u001b[1;33mslow answer\u001b[0m from the portal: 4.2 s", "{\"event\":\"booked\",\"amount\":1280.5,\"currency\":\"EUR\"}"];

export function tasksOf(run: t.Run): t.TaskRun[] {
  if (!run.started_at) return [];
  const from = Date.parse(run.started_at);
  const end = run.ended_at ? Date.parse(run.ended_at) : from + 240_000;
  const clock = run.ended_at ? end : Date.now();
  return TASKS.map(([key, name, after, a, b]): t.TaskRun => {
    const s = from + (end - from) * a;
    const e = from + (end - from) * b;
    const failed = run.state === "failed" && key === "match";
    const never = run.state === "failed" && a >= 0.74;
    const state: t.State = never ? "cancelled" : failed ? "failed" : clock >= e ? "completed" : clock >= s ? "running" : "pending";
    return { id: `${run.id}-${key}`, run_id: run.id, attempt: run.attempt, key, name, state, after, tries: key === "fetch" ? 2 : 1, started_at: clock >= s && !never ? iso(s) : null, ended_at: clock >= e && !never ? iso(e) : null, error: failed ? run.error : null, data: { inputs: { page: 1, mailbox: "invoices" }, outputs: { items: 24 } } };
  });
}
const lineCount = (run: t.Run) => (!run.started_at ? 0 : run.ended_at ? (run.flow_name === "tax-archive" ? 100_000 : 1800) : Math.floor((Date.now() - Date.parse(run.started_at)) / 40));
export function lineOf(run: t.Run, seq: number): t.LogEntry {
  const n = (seq * 2654435761) % 97;
  const level: t.LogLevel = n < 4 ? "error" : n < 12 ? "warning" : n < 30 ? "debug" : "info";
  const total = Math.max(1, lineCount(run));
  return { attempt: run.attempt, seq, at: iso(Date.parse(run.started_at ?? run.created_at) + seq * 40), level, stream: n < 4 ? "stderr" : "stdout", task: TASKS[Math.min(6, Math.floor((seq / total) * 7))]?.[0], message: `${WORDS[n % WORDS.length]} #${seq}` };
}

function logs(run: t.Run, query: URLSearchParams): t.Collection<t.LogEntry> {
  const limit = Number(query.get("limit") ?? 200);
  const total = lineCount(run);
  const ranks = ["debug", "info", "warning", "error", "critical"];
  const least = ranks.indexOf(query.get("level") ?? "debug");
  const want = (l: t.LogEntry) => ranks.indexOf(l.level) >= least && (!query.get("task") || l.task === query.get("task")) && (!query.get("search") || l.message.toLowerCase().includes((query.get("search") ?? "").toLowerCase()));
  const at = Number(query.get("cursor")?.split(".")[1] ?? (query.get("tail") ? total + 1 : 0));
  const items: t.LogEntry[] = [];
  if (query.get("tail")) {
    for (let s = at - 1; s >= 1 && items.length < limit; s--) { const l = lineOf(run, s); if (want(l)) items.unshift(l); }
    return { items, next: items.length === limit && items[0] ? `${run.attempt}.${items[0].seq}` : undefined };
  }
  for (let s = at + 1; s <= total && items.length < limit; s++) { const l = lineOf(run, s); if (want(l)) items.push(l); }
  const last = items.at(-1);
  return { items, next: items.length === limit && last ? `${run.attempt}.${last.seq}` : undefined };
}

function listRuns(query: URLSearchParams): t.Collection<t.Run> {
  const states = query.get("state")?.split(",");
  const is = (a: string | null | undefined, b: string | null | undefined, name: string) => !query.get(name) || a === query.get(name) || b === query.get(name);
  const found = runs.filter((r) =>
    (!states || states.includes(r.state)) && (!query.get("late") || r.late) && is(r.flow_id, r.flow_name, "flow") && is(r.deployment_id, `${r.flow_name}/${r.deployment_name}`, "deployment") && is(r.queue_id, r.queue_name, "queue") && is(r.robot_id, r.robot_name, "robot") &&
    (!query.get("tag") || r.tags.includes(query.get("tag") ?? "")) && (!query.get("priority") || (query.get("priority") ?? "").split(",").includes(r.priority)) && (!query.get("kind") || (query.get("kind") === "unattended") === r.unattended) &&
    (!query.get("prefix") || r.name.startsWith(query.get("prefix") ?? "") || r.id.startsWith(query.get("prefix") ?? "")) && (!query.get("search") || JSON.stringify([r.name, r.flow_name, r.label, r.tags, r.parameters, r.error?.message]).toLowerCase().includes((query.get("search") ?? "").toLowerCase())) && (!query.get("ended_after") || (r.ended_at ?? "") >= (query.get("ended_after") ?? "")) && (!query.get("ended_before") || (Boolean(r.ended_at) && (r.ended_at as string) < (query.get("ended_before") ?? ""))) && (!query.get("created_after") || r.created_at >= (query.get("created_after") ?? "")) && (!query.get("created_before") || r.created_at < (query.get("created_before") ?? "")));
  if (query.get("order") === "ascending") found.reverse();
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return { items: found.slice(from, from + limit).map(({ parameters: _p, ...r }) => (query.get("explain") ? { ...r, why: explain(r as t.Run).reasons[0]?.message ?? null } : r)), next: from + limit < found.length ? String(from + limit) : undefined };
}

function outcomes(query: URLSearchParams): t.Outcomes {
  const until = Date.parse(query.get("until") ?? iso(Date.now()));
  const from = Date.parse(query.get("from") ?? iso(until - 86_400_000));
  const step = Number(query.get("step_seconds") ?? 3600) * 1000;
  const by = query.get("by");
  const buckets = new Map<string, t.OutcomeBucket & { times: number[] }>();
  for (const r of runs) {
    const at = Date.parse(r.ended_at ?? r.created_at);
    if (at < from || at > until) continue;
    const start = step ? Math.floor(at / step) * step : from;
    const subject = by === "flow" ? r.flow_id : by === "robot" ? r.robot_id ?? "" : by === "deployment" ? r.deployment_id ?? "" : "";
    const name = by === "flow" ? r.flow_name : by === "robot" ? r.robot_name : by === "deployment" ? `${r.flow_name}/default` : null;
    const key = `${start}|${subject}`;
    const b = buckets.get(key) ?? { at: iso(start), flow_id: by === "flow" ? subject : null, deployment_id: by === "deployment" ? subject : null, robot_id: by === "robot" ? subject : null, name, created: 0, completed: 0, failed: 0, timed_out: 0, crashed: 0, cancelled: 0, times: [] };
    b.created += 1;
    if (r.state in b) (b as unknown as Record<string, number>)[r.state]! += 1;
    if (r.ended_at && r.started_at) b.times.push((Date.parse(r.ended_at) - Date.parse(r.started_at)) / 1000);
    buckets.set(key, b);
  }
  const items = [...buckets.values()].sort((a, b) => a.at.localeCompare(b.at)).map(({ times, ...b }) => {
    times.sort((x, y) => x - y);
    const done = b.completed + b.failed + b.timed_out + b.crashed;
    return { ...b, success_rate: done ? (100 * b.completed) / done : null, average_seconds: times.length ? times.reduce((x, y) => x + y, 0) / times.length : null, p50_seconds: times[Math.floor(times.length / 2)] ?? null, p95_seconds: times[Math.floor(times.length * 0.95)] ?? null };
  });
  return { from: iso(from), until: iso(until), step_seconds: step / 1000, items };
}

function samples(query: URLSearchParams): t.Samples {
  const until = Date.parse(query.get("until") ?? iso(Date.now()));
  const from = Date.parse(query.get("from") ?? iso(until - 3_600_000));
  const grain = Number(query.get("grain_seconds") ?? 60);
  const metrics = (query.get("metric") ?? "").split(",");
  const series = metrics.flatMap((metric) => {
    const subjects: { id: string; name: string }[] = metric.startsWith("queue") || metric === "throughput" ? [{ id: "", name: "" }, ...queues] : metric.startsWith("robot_") ? [{ id: "", name: "" }, ...robots] : [{ id: "", name: "" }];
    const scale = metric.includes("util") ? 0.4 : metric === "throughput" ? 0.12 : 4;
    const count = Math.floor((until - from) / grain / 1000);
    const points = (k: number) => Array.from({ length: count }, (_, i) => ({ at: iso(from + i * grain * 1000), value: Math.max(0, scale * (1 + Math.sin((i / count) * 14 + k) * 0.6 + random() * 0.3)) }));
    return subjects.filter((s) => !query.get("subject") || s.id === query.get("subject")).map((s, k) => ({ metric, subject: s.id, name: s.name, points: points(k) }));
  });
  return { metric: metrics.join(","), grain_seconds: grain, series };
}

function explain(run: t.Run): t.RunExplanation {
  const base = { run_id: run.id, name: run.name, at: iso(Date.now()), state: run.state, commands: [] };
  if (run.state !== "queued") return { ...base, summary: `${run.name} is ${run.state}.`, dispatchable: false, reasons: [], change: null, ahead: null };
  return {
    ...base, dispatchable: false, ahead: 3, summary: `${run.name} waits: the limit of the work queue "finance" is reached, and no robot that fits has a free slot.`,
    reasons: [
      { code: "queue_limit", message: 'the limit of the work queue "finance" is 2, and 2 runs hold it', holders: runs.filter((r) => r.state === "running").slice(0, 2).map((r) => ({ run_id: r.id, name: r.name, robot_id: r.robot_id })), robots: [], counts: [] },
      { code: "slots_taken", message: "every slot of every robot that fits is taken", robots: robots.map((r, i) => ({ robot_id: r.id, name: r.name, misfit: (["no_slot", "no_slot", "missing_label", "draining", "wrong_queue", "offline"] as const)[i] ?? "offline", message: [`${r.name} has 4 of 4 slots taken`, `${r.name} has 4 of 4 slots taken`, `${r.name} lacks the label sap`, `${r.name} is draining: Windows updates at 18:00`, `${r.name} does not serve the queue finance`, `${r.name} was last heard 90 minutes ago`][i] ?? "" })), holders: [], counts: [{ misfit: "no_slot", robots: 2 }, { misfit: "missing_label", robots: 1 }] },
    ],
    change: { message: 'raise the limit of the work queue "finance" to 3 (or wait for a holder to end)', steps: [{ step: "raise_limit", name: "finance", of: 'the work queue "finance"', to: 3, barrier: { kind: "queue_limit" } }] },
    commands: [{ command: "baton queues edit finance --limit 3" }],
  };
}

function eventsOf(run: t.Run): t.RunEvent[] {
  const at: [t.State, string | null | undefined, string, string, string?][] = [["pending", run.created_at, "created", run.trigger.kind === "manual" ? run.trigger.by : "scheduler"], ["queued", run.queued_at, "due", "scheduler"], ["dispatched", run.dispatched_at, "assigned", "dispatcher", `to ${run.robot_name}`], ["running", run.started_at, "accepted", run.robot_name ?? "robot"], [run.state, run.ended_at, run.state === "completed" ? "result" : run.state, run.robot_name ?? "robot", run.error?.message]];
  let from: t.State | null = null;
  return at.filter((x) => x[1]).map(([to, when, event, actor, message], i) => { const e = { seq: i + 1, run_id: run.id, from, to, attempt: run.attempt, fence: i > 1 ? run.fence : 0, at: when as string, event, actor, robot_id: null, message: message ?? null }; from = to; return e; });
}

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360"><rect width="640" height="360" fill="#e8ecf4"/><rect x="40" y="40" width="560" height="280" rx="8" fill="#fff"/><text x="70" y="100" font-family="sans-serif" font-size="28" fill="#334">The portal is not available</text><text x="70" y="140" font-family="sans-serif" font-size="16" fill="#667">HTTP 401 · svc-invoices</text></svg>`;

export interface Answer { status?: number; body?: unknown; raw?: string; type?: string; event?: { run: t.Run; from: t.State } }

export function answer(method: string, path: string, query: URLSearchParams, body: any): Answer {
  refreshDerived();
  const [kind, id, verb] = path.split("/").filter(Boolean).map(decodeURIComponent);
  const all = <T>(items: T[]): Answer => ({ body: { items } });
  const none: Answer = { status: 404, body: { type: "about:blank", title: "Not Found", status: 404, code: "not_found", detail: `There is no ${kind?.replace(/s$/, "")} "${id}". It may have been deleted.` } };
  const change = (run: t.Run, to: t.State): Answer => { const from = run.state; run.state = to; run.changed_at = iso(Date.now()); if (to === "cancelled") run.ended_at = run.changed_at; return { body: run, event: { run, from } }; };
  if (kind === "session" || kind === "sessions") return method === "DELETE" ? { status: 204 } : { body: { name: "maria", role: process.env.BATON_DEV_ROLE ?? "admin", expires_at: null, browser: true } };
  if (kind === "server") return { body: { name: "baton", version: "0.1.0", robot_protocol: 1, started_at: iso(Date.now() - 3e8), now: iso(Date.now()), timezone: "Europe/Berlin", platform: "linux x86_64", fingerprint: null, late_after_seconds: 15, commits: 48_112, operations: 91_200, syncs: 18_004 } };
  if (kind === "metrics" && id === "states") return { body: { items: ["pending", "queued", "dispatched", "running", "paused", "cancelling", "completed", "failed", "timed_out", "crashed", "cancelled"].map((s) => ({ state: s, count: runs.filter((r) => r.state === s).length })), late: runs.filter((r) => r.late).length, robots: (["online", "busy", "draining", "offline"] as const).map((status) => ({ status, count: robots.filter((r) => r.status === status).length })) } };
  if (kind === "metrics" && id === "dashboard") return { body: { total_robots: 6, online_robots: 5, offline_robots: 1, total_jobs_today: 612, completed_jobs_today: 541, failed_jobs_today: 48, pending_jobs: 12, running_jobs: 7, average_execution_time: 143.2, success_rate: 91.8 } };
  if (kind === "metrics" && id === "outcomes") return { body: outcomes(query) };
  if (kind === "metrics") return { body: samples(query) };
  if (kind === "robots") {
    if (!id) return all(robots);
    const r = robots.find((x) => x.id === id || x.name === id);
    if (!r) return none;
    if (verb === "drain") { r.draining = true; r.drain_comment = body?.comment ?? ""; return { body: r }; }
    if (verb === "resume") { r.draining = false; r.drain_comment = ""; return { body: r }; }
    if (verb === "logs") return all(Array.from({ length: 60 }, (_, i) => ({ seq: i + 1, at: iso(Date.now() - (60 - i) * 4000), level: i % 17 === 3 ? "warning" : "info", message: i % 5 ? `accepted run ${runs[i]?.name}, fence ${i}` : "lease renewed" })));
    return { body: r };
  }
  if (kind === "enrolments") return { body: { token: "enr_7Qm2xV", expires_at: iso(Date.now() + 3_600_000), command: "curl -fsS http://fleet.example.com:8765/install.sh | sh -s -- --token enr_7Qm2xVw8Lk4", fingerprint: null } };
  if (kind === "flows") { const f = flows.find((x) => x.id === id || x.name === id); return !id ? all(flows) : !f ? none : verb === "versions" ? all(versions.filter((v) => v.flow_id === f.id).reverse()) : { body: f }; }
  if (kind === "versions") { const v = versions.find((x) => x.id === id); return v ? { body: v } : none; }
  if (kind === "deployments") {
    if (!id) return all(deployments);
    const d = deployments.find((x) => x.id === id || x.full_name === id);
    if (!d) return none;
    if (verb === "run") { const run = makeRun(Date.now(), "queued"); Object.assign(run, { flow_id: d.flow_id, flow_name: d.flow_name, deployment_id: d.id }); runs.unshift(run); return { body: { id: run.id, name: run.name, state: run.state, existing: false }, event: { run, from: "pending" } }; }
    if (verb === "pause" || verb === "resume") d.settings.paused = verb === "pause";
    if (method === "PATCH") Object.assign(d.settings, body);
    return { body: d };
  }
  if (kind === "schedules") {
    const every = deployments.flatMap((d) => d.schedules);
    if (id === "preview" || verb === "next") return { body: { description: "Every 15 minutes", timezone: "Europe/Berlin", slots: Array.from({ length: Number(query.get("count") ?? body?.count ?? 10) }, (_, i) => ({ at: iso(Date.now() + i * 900_000), local: new Date(Date.now() + i * 900_000).toISOString().slice(0, 16) + "+01:00", edge: i === 4 ? "The clock goes back here: this wall-clock time comes twice and fires once" : undefined })) } };
    const s = every.find((x) => x.id === id);
    if (s && (verb === "pause" || verb === "resume")) s.paused = verb === "pause";
    return id ? (s ? { body: s } : none) : all(every);
  }
  if (kind === "queues") { const x = queues.find((y) => y.id === id || y.name === id); if (x && verb) x.settings.paused = verb === "pause"; return !id ? all(queues) : x ? (verb === "peek" ? all(runs.filter((r) => r.queue_id === x.id && r.state === "queued")) : { body: x }) : none; }
  if (kind === "limits") return all([{ id: uuid(), tag: "sap-licence", limit: 3, live: 2, holders: [], created_at: iso(Date.now() - 9e8) }]);
  if (kind === "keys") return all([{ id: "k1", name: "maria", role: "admin", created_at: iso(Date.now() - 9e8), last_used_at: iso(Date.now() - 60_000) }]);
  if (kind === "artifact-bytes") return { raw: PICTURE, type: "image/svg+xml" };
  if (kind === "runs") {
    if (!id) { if (method === "POST") { const run = makeRun(Date.now(), "queued"); runs.unshift(run); return { body: { id: run.id, name: run.name, state: run.state, existing: false }, event: { run, from: "pending" } }; } return { body: listRuns(query) }; }
    if (method === "POST" && !verb) {
      const asked = body.ids ? runs.filter((r) => body.ids.includes(r.id)) : listRuns(new URLSearchParams({ ...body.filter, limit: "1000" })).items;
      const open = (r: t.Run) => !["completed", "failed", "timed_out", "crashed", "cancelled"].includes(r.state);
      const items = asked.map((r) => (open(r) === (id === "cancel") ? { id: r.id, name: r.name, from: r.state, to: id === "cancel" ? "cancelled" : "pending" } : { id: r.id, name: r.name, from: r.state, code: "illegal_transition", message: id === "cancel" ? "it has ended already" : "only a run that has ended can be retried" }));
      return { body: { items, changed: items.filter((i) => i.to).length, refused: items.filter((i) => !i.to).length, more: false, preview: body.preview } };
    }
    const run = runs.find((r) => r.id === id || r.name === id);
    if (!run) return none;
    if (verb === "cancel") return change(run, run.state === "running" ? "cancelling" : "cancelled");
    if (verb === "retry") { run.attempt += 1; return change(run, "queued"); }
    if (verb === "attempts") return all(run.started_at ? Array.from({ length: run.attempt }, (_, i): t.Attempt => ({ run_id: run.id, number: i + 1, fence: 6 + i, executor: "robot", robot_id: run.robot_id, robot_name: run.robot_name, computer: run.computer, desktop: null, state: i + 1 < run.attempt ? "failed" : run.state, live: false, assigned_at: run.dispatched_at as string, started_at: run.started_at, ended_at: run.ended_at, exit_code: run.ended_at ? (run.state === "completed" ? 0 : 1) : null, error: i + 1 < run.attempt ? ERR : run.error, outputs: run.state === "completed" ? { invoices: 24, booked: 23, total: "28,114.20 EUR", report: "s3://reports/2026-10.pdf" } : {}, execution_time: 91.2, late_result: null })) : []);
    if (verb === "events") return all(eventsOf(run));
    if (verb === "task-runs") return all(tasksOf(run));
    if (verb === "logs") return { body: logs(run, query) };
    if (verb === "artifacts") return all(run.ended_at ? [{ id: "a1", run_id: run.id, attempt: run.attempt, name: "screenshots/error.svg", content_type: "image/svg+xml", size: 48_211, hash: "ab", created_at: run.ended_at, url: "/api/v1/artifact-bytes/a1" }, { id: "a2", run_id: run.id, attempt: run.attempt, name: "report.csv", content_type: "text/csv", size: 1_204_998, hash: "cd", created_at: run.ended_at, url: "/api/v1/artifact-bytes/a2" }] : []);
    if (verb === "explain") return { body: explain(run) };
    return { body: run };
  }
  return none;
}
const ERR: t.ErrorInfo = { kind: "failed", message: "ConnectionReset: the portal closed the connection", task: "fetch" };
