// The wire types of /api/v1, written by hand until the OpenAPI snapshot generates them.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export interface Collection<T> { items: T[]; next?: string | null }

export type State =
  | "pending" | "queued" | "dispatched" | "running" | "paused" | "cancelling"
  | "completed" | "failed" | "timed_out" | "crashed" | "cancelled";
export type Priority = "low" | "normal" | "high" | "critical";
export type Executor = "robot" | "worker" | "client";
export type OnLost = "fail" | "retry" | "park" | "resume";
export type LogLevel = "debug" | "info" | "warning" | "error" | "critical";
export type LogStream = "stdout" | "stderr" | "log" | "system";
export type RobotStatus = "online" | "busy" | "draining" | "offline";
export type Role = "admin" | "developer" | "operator" | "viewer" | "robot";
export type RunKind = "manual" | "unattended";
export type Order = "descending" | "ascending";

export interface FieldError { field: string; message: string }
export interface Problem { type: string; title: string; status: number; code: string; detail: string; errors?: FieldError[] }
export interface ErrorInfo { kind: string; message: string; task?: string | null; stack?: string | null }
export interface Progress { percent?: number | null; message?: string | null; task?: string | null }
export interface RetryPolicy { max_retries: number; initial_delay: number; max_delay: number; backoff_factor: number; retryable_errors?: string[] }
export type Trigger =
  | { kind: "manual"; by: string }
  | { kind: "schedule"; schedule_id: string; slot: string; after_running?: boolean }
  | { kind: "parent"; run_id: string };

export interface Run {
  id: string; name: string; label: string; state: State; job_status: string;
  late: boolean; retrying: boolean; unattended: boolean; attempt: number; retries_used: number; fence: number; live: boolean;
  flow_id: string; flow_name: string; deployment_id?: string | null; deployment_name?: string | null; version_id?: string | null;
  queue_id: string; queue_name: string; robot_id?: string | null; robot_name?: string | null; computer?: string | null; target_robot_id?: string | null;
  priority: Priority; tags: string[]; labels: string[]; capabilities: string[]; environment?: string | null;
  executor: Executor; trigger: Trigger; timeout_seconds?: number | null; cancel_grace_seconds: number; retry: RetryPolicy; on_lost: OnLost;
  parameters?: JsonObject | null;
  created_at: string; due_at: string; queued_at?: string | null; dispatched_at?: string | null; started_at?: string | null; ended_at?: string | null;
  changed_at: string; start_deadline?: string | null; error?: ErrorInfo | null; progress?: Progress | null;
}
export interface RunQuery {
  state?: State[]; flow?: string; deployment?: string; schedule?: string; queue?: string; robot?: string; tag?: string;
  priority?: Priority[]; late?: boolean; kind?: RunKind; prefix?: string; created_after?: string; created_before?: string;
  order?: Order; limit?: number; cursor?: string;
}
export interface CreateRun {
  deployment?: string; flow?: string; version_id?: string; parameters?: JsonObject; due_at?: string; priority?: Priority; tags?: string[];
  queue?: string; labels?: string[]; robot?: string; timeout_seconds?: number; start_within_seconds?: number; retry?: RetryPolicy; idempotency_key?: string;
}
export interface CreatedRun { id: string; name: string; state: State; existing: boolean }
export interface Attempt {
  run_id: string; number: number; fence: number; executor: Executor; robot_id?: string | null; robot_name?: string | null;
  computer?: string | null; desktop?: string | null; state: State; live: boolean; assigned_at: string; started_at?: string | null; ended_at?: string | null;
  exit_code?: number | null; error?: ErrorInfo | null; outputs: JsonObject; execution_time?: number | null; late_result?: Json;
}
export interface RunEvent { seq: number; run_id: string; from?: State | null; to: State; attempt: number; fence: number; at: string; event: string; actor: string; robot_id?: string | null; message?: string | null }
export interface BulkRequest { ids?: string[]; filter?: RunQuery; preview: boolean; message?: string }
export interface BulkItem { id: string; name?: string | null; from?: State | null; to?: State | null; code?: string | null; message?: string | null }
export interface BulkResult { items: BulkItem[]; changed: number; refused: number; more: boolean; preview: boolean }
export interface TaskRun {
  id: string; run_id: string; attempt: number; key: string; name: string; state: State; after: string[]; tries: number;
  started_at?: string | null; ended_at?: string | null; error?: ErrorInfo | null; data: Json;
}
export interface LogEntry { attempt: number; seq: number; at: string; level: LogLevel; stream: LogStream; task?: string | null; message: string }
export interface LogQuery { attempt?: number; level?: LogLevel; task?: string; search?: string; tail?: boolean; limit?: number; cursor?: string }
export interface Artifact { id: string; run_id: string; attempt: number; name: string; content_type: string; size: number; hash: string; created_at: string; url: string }

export interface Holder { run_id: string; name: string; robot_id?: string | null }
export interface RobotReason { robot_id: string; name: string; misfit: string; message: string }
export interface Reason { code: string; message: string; until?: string | null; holders?: Holder[]; robots?: RobotReason[]; counts?: { misfit: string; robots: number }[] }
export interface Step { step: string; [field: string]: unknown }
export interface Change { message: string; steps: Step[] }
export interface RunExplanation { run_id: string; name: string; summary: string; at: string; state: State; dispatchable: boolean; reasons: Reason[]; change?: Change | null; ahead?: number | null }

export interface Event { id: string; kind: string; at: string; subject: string; actor: string; run?: RunChange | null; detail?: unknown }
export interface RunChange { id: string; from?: State | null; to: State; attempt: number; event: string; robot_id?: string | null; message?: string | null }

export interface RobotOffer {
  computer: string; platform: string; version: string; boot_id: string; environment?: string | null; labels: string[]; capabilities: string[];
  queues: string[]; desktops: string[]; max_concurrent_jobs: number;
}
export interface RobotMetrics { cpu_percent: number; memory_percent: number; disk_percent: number; uptime_seconds: number }
export interface CurrentRun { run_id: string; run_name: string; flow_id: string; attempt: number; state: State; desktop?: string | null; assigned_at: string; started_at?: string | null }
export interface Robot {
  id: string; name: string; status: RobotStatus; connected: boolean; draining: boolean; drain_comment: string; offer: RobotOffer; load: number; live: number;
  current_runs: CurrentRun[]; last_seen?: string | null; lease_until?: string | null; metrics: RobotMetrics; session: number; created_at: string;
}
export interface RobotLogEntry { seq: number; at: string; level: LogLevel; message: string }
export interface Enrolment { token: string; expires_at: string; command: string; fingerprint?: string | null }

export interface Flow { id: string; name: string; description: string; folder: string; tags: string[]; latest_version_id?: string | null; latest_version?: number | null; created_at: string; updated_at: string }
export type VersionStatus = "draft" | "active" | "deprecated" | "archived";
export type Entry = { kind: "command"; argv: string[]; env?: Record<string, string>; workdir?: string; python?: { interpreter: string } | { requirements: string } } | { kind: "external" };
export interface Version { id: string; flow_id: string; number: number; status: VersionStatus; package?: string | null; entry: Entry; parameter_schema: JsonObject; source: Record<string, string>; created_at: string }
export interface DeletePreview { name: string; versions: number; deployments: number; schedules: number; runs: number; open_runs: number }

export interface DeploymentSettings {
  version_id?: string | null; queue_id: string; description: string; tags: string[]; parameters: JsonObject; priority: Priority; labels: string[]; capabilities: string[];
  environment?: string | null; robot_id?: string | null; desktop: boolean; concurrency_limit?: number | null; timeout_seconds: number; cancel_grace_seconds: number;
  retry: RetryPolicy; on_lost: OnLost; start_within_seconds?: number | null; paused: boolean;
}
export interface Deployment {
  id: string; flow_id: string; flow_name: string; name: string; full_name: string; settings: DeploymentSettings; queue_name: string; version_id?: string | null;
  version?: number | null; schedules: Schedule[]; next_at?: string | null; created_at: string; updated_at: string;
}
export type DeploymentPatch = Partial<Omit<DeploymentSettings, "queue_id">> & { queue?: string };
export type Rule =
  | { frequency: "once"; at: string }
  | { frequency: "interval"; every_seconds: number; anchor?: string | null }
  | { frequency: "hourly"; minute: number }
  | { frequency: "daily"; time: string }
  | { frequency: "weekly"; days: string[]; time: string }
  | { frequency: "monthly"; days: number[]; time: string }
  | { frequency: "cron"; expression: string };
export type MissedPolicy = "skip" | "last" | "all";
export type Overlap = "allow" | "skip" | "queue" | "cancel_running";
export interface ScheduleSettings {
  rule: Rule; timezone: string; starts_at?: string | null; ends_at?: string | null; jitter_seconds: number; missed: { policy: MissedPolicy; window_seconds: number };
  overlap: Overlap; parameters: JsonObject; robot_id?: string | null; priority?: Priority | null;
}
export type ScheduleInput = Pick<ScheduleSettings, "rule"> & Partial<Omit<ScheduleSettings, "rule">>;
export interface Schedule {
  id: string; deployment_id: string; deployment_name: string; flow_id: string; flow_name: string; name: string; settings: ScheduleSettings; description: string;
  paused: boolean; deployment_paused: boolean; next_at?: string | null; last_slot?: string | null; created_at: string; updated_at: string;
}
export interface CreateSchedule { deployment: string; name?: string; settings: ScheduleInput; paused?: boolean }
export type UpdateSchedule = Partial<ScheduleSettings> & { paused?: boolean };
export interface PreviewSlot { at: string; local: string; edge?: string | null }
export interface SchedulePreview { description: string; timezone: string; slots: PreviewSlot[] }

export type Strategy = "round_robin" | "least_loaded" | "random" | "affinity";
export interface QueueSettings { description: string; strategy: Strategy; concurrency_limit?: number | null; paused: boolean }
export interface LimitHolder { run_id: string; run_name: string; attempt: number; state: State; robot_id?: string | null; started_at?: string | null }
export interface Queue {
  id: string; name: string; settings: QueueSettings; depth: number; oldest_due_at?: string | null; oldest_wait_seconds?: number | null; live: number;
  holders: LimitHolder[]; robots: number; robots_online: number; created_at: string;
}
export interface Limit { id: string; tag: string; limit: number; live: number; holders: LimitHolder[]; created_at: string }

export interface Key { id: string; name: string; role: Role; robot_id?: string | null; created_at: string; expires_at?: string | null; revoked_at?: string | null; last_used_at?: string | null }
export interface CreatedKey { key: Key; secret: string }
export interface SignInLink { url: string; expires_at: string }
export interface Session { name: string; role: Role; expires_at?: string | null; browser: boolean }
export interface About {
  name: string; version: string; robot_protocol: number; started_at: string; now: string; timezone: string; platform: string; fingerprint?: string | null;
  late_after_seconds: number; commits: number; operations: number; syncs: number;
}

export interface DashboardMetrics {
  total_robots: number; online_robots: number; offline_robots: number; total_jobs_today: number; completed_jobs_today: number; failed_jobs_today: number;
  pending_jobs: number; running_jobs: number; average_execution_time: number; success_rate: number;
}
export interface StateCounts { items: { state: State; count: number }[]; late: number }
export interface Samples { metric: string; grain_seconds: number; series: { subject: string; name: string; points: { at: string; value: number }[] }[] }
export interface OutcomeQuery { from?: string; until?: string; step_seconds?: number; flow?: string; deployment?: string; robot?: string; by?: "flow" | "deployment" | "robot" }
export interface OutcomeBucket {
  at: string; flow_id?: string | null; deployment_id?: string | null; robot_id?: string | null; name?: string | null;
  created: number; completed: number; failed: number; timed_out: number; crashed: number; cancelled: number;
  success_rate?: number | null; average_seconds?: number | null; p50_seconds?: number | null; p95_seconds?: number | null;
}
export interface Outcomes { from: string; until: string; step_seconds: number; items: OutcomeBucket[] }
