// One function for each call of the API that the dashboard makes.
import { call, seg, type CallOptions } from "./http";
import type * as t from "./types";

type O = Pick<CallOptions, "signal">;
const get = <T>(path: string, query?: object, o?: O) => call<T>("GET", path, { query, ...o });
/** Rows of one page, and pages that are followed at most. */
const PAGE = 1000;
const MOST_PAGES = 20;
/** Every row of a list, page after page; what lies beyond the bound is left out and `next` says so. */
async function all<T>(path: string, query: object = {}, o?: O): Promise<t.Collection<T>> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const found = await get<t.Collection<T>>(path, { ...query, limit: PAGE, cursor }, o);
    items.push(...found.items);
    cursor = found.next;
    if (!cursor) break;
  }
  return { items, next: cursor };
}
const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, { body });
const fresh = () => crypto.randomUUID?.() ?? String(Math.random()).slice(2);

export const api = {
  session: (quiet = false) => call<t.Session>("GET", "/session", { quiet }),
  signIn: (body: { token?: string; key?: string }) => call<t.Session>("POST", "/sessions", { body, quiet: true }),
  signOut: () => call<void>("DELETE", "/session", { quiet: true }),
  signInLink: () => post<t.SignInLink>("/sign-in-links"),
  about: () => get<t.About>("/server/about"),
  verify: () => post<unknown>("/server/verify"),

  /** Rows of tables: what only the page of one run shows is left out on the wire. */
  runs: (query: t.RunQuery, o?: O) => get<t.Collection<t.Run>>("/runs", { view: "slim", ...query }, o),
  run: (run: string, o?: O) => get<t.Run>(`/runs/${seg(run)}`, undefined, o),
  createRun: (body: t.CreateRun) => call<t.CreatedRun>("POST", "/runs", { body, idempotencyKey: fresh() }),
  runDeployment: (deployment: string, body: t.CreateRun) =>
    call<t.CreatedRun>("POST", `/deployments/${seg(deployment)}/run`, { body, idempotencyKey: fresh() }),
  deleteRun: (run: string) => call<void>("DELETE", `/runs/${seg(run)}`),
  cancelRun: (run: string, message?: string) => post<t.Run>(`/runs/${seg(run)}/cancel`, { message }),
  retryRun: (run: string, message?: string) => post<t.Run>(`/runs/${seg(run)}/retry`, { message }),
  pauseRun: (run: string, message?: string) => post<t.Run>(`/runs/${seg(run)}/pause`, { message }),
  resumeRun: (run: string, message?: string) => post<t.Run>(`/runs/${seg(run)}/resume`, { message }),
  postponeRun: (run: string, due_at: string, message?: string) => post<t.Run>(`/runs/${seg(run)}/postpone`, { due_at, message }),
  bulk: (verb: "cancel" | "retry" | "delete", body: t.BulkRequest) =>
    post<t.BulkResult>(`/runs/${verb}`, body.filter ? { ...body, filter: wireFilter(body.filter) } : body),
  explain: (run: string, o?: O) => get<t.RunExplanation>(`/runs/${seg(run)}/explain`, undefined, o),
  attempts: (run: string, o?: O) => all<t.Attempt>(`/runs/${seg(run)}/attempts`, {}, o),
  runEvents: (run: string, o?: O) => all<t.RunEvent>(`/runs/${seg(run)}/events`, {}, o),
  taskRuns: (run: string, attempt?: number, o?: O) => all<t.TaskRun>(`/runs/${seg(run)}/task-runs`, { attempt }, o),
  logs: (run: string, query: t.LogQuery, o?: O) => get<t.Collection<t.LogEntry>>(`/runs/${seg(run)}/logs`, query, o),
  artifacts: (run: string, o?: O) => all<t.Artifact>(`/runs/${seg(run)}/artifacts`, {}, o),

  robots: (o?: O) => all<t.Robot>("/robots", {}, o),
  robot: (robot: string, o?: O) => get<t.Robot>(`/robots/${seg(robot)}`, undefined, o),
  robotLost: (robot: string, comment: string) => post<t.LostResult>(`/robots/${seg(robot)}/lost`, { comment }),
  drainRobot: (robot: string, comment: string) => post<t.Robot>(`/robots/${seg(robot)}/drain`, { comment }),
  resumeRobot: (robot: string) => post<t.Robot>(`/robots/${seg(robot)}/resume`),
  deleteRobot: (robot: string) => call<void>("DELETE", `/robots/${seg(robot)}`),
  runOnRobot: (robot: string, body: t.CreateRun) => post<t.CreatedRun>(`/robots/${seg(robot)}/run`, body),
  robotLogs: (robot: string, query: { after?: number; limit?: number }, o?: O) =>
    get<t.Collection<t.RobotLogEntry>>(`/robots/${seg(robot)}/logs`, query, o),
  createEnrolment: (body: { robot_name?: string; expires_in_seconds?: number }) => post<t.Enrolment>("/enrolments", body),

  flows: (query: { search?: string } = {}, o?: O) => all<t.Flow>("/flows", query, o),
  flow: (flow: string, o?: O) => get<t.Flow>(`/flows/${seg(flow)}`, undefined, o),
  updateFlow: (flow: string, body: { description?: string; folder?: string; tags?: string[] }) => call<t.Flow>("PATCH", `/flows/${seg(flow)}`, { body }),
  flowDeletePreview: (flow: string) => get<t.DeletePreview>(`/flows/${seg(flow)}/delete-preview`),
  deleteFlow: (flow: string) => call<void>("DELETE", `/flows/${seg(flow)}`),
  versions: (flow: string, o?: O) => all<t.Version>(`/flows/${seg(flow)}/versions`, {}, o),
  version: (id: string, o?: O) => get<t.Version>(`/versions/${seg(id)}`, undefined, o),
  updateVersion: (id: string, status: t.VersionStatus) => call<t.Version>("PATCH", `/versions/${seg(id)}`, { body: { status } }),

  deployments: (query: { flow?: string } = {}, o?: O) => all<t.Deployment>("/deployments", query, o),
  deployment: (deployment: string, o?: O) => get<t.Deployment>(`/deployments/${seg(deployment)}`, undefined, o),
  updateDeployment: (deployment: string, body: t.DeploymentPatch) => call<t.Deployment>("PATCH", `/deployments/${seg(deployment)}`, { body }),
  pauseDeployment: (deployment: string) => post<t.Deployment>(`/deployments/${seg(deployment)}/pause`),
  resumeDeployment: (deployment: string) => post<t.Deployment>(`/deployments/${seg(deployment)}/resume`),
  deploymentDeletePreview: (deployment: string) => get<t.DeletePreview>(`/deployments/${seg(deployment)}/delete-preview`),
  deleteDeployment: (deployment: string) => call<void>("DELETE", `/deployments/${seg(deployment)}`),

  schedules: (query: { deployment?: string } = {}, o?: O) => all<t.Schedule>("/schedules", query, o),
  createSchedule: (body: t.CreateSchedule) => call<t.Schedule>("POST", "/schedules", { body, idempotencyKey: fresh() }),
  updateSchedule: (id: string, body: t.UpdateSchedule) => call<t.Schedule>("PATCH", `/schedules/${seg(id)}`, { body }),
  deleteSchedule: (id: string) => call<void>("DELETE", `/schedules/${seg(id)}`),
  pauseSchedule: (id: string) => post<t.Schedule>(`/schedules/${seg(id)}/pause`),
  resumeSchedule: (id: string) => post<t.Schedule>(`/schedules/${seg(id)}/resume`),
  zoneReport: (o?: O) => get<t.ZoneReport>("/schedules/zones", undefined, o),
  nextSlots: (id: string, count = 10, o?: O) => get<t.SchedulePreview>(`/schedules/${seg(id)}/next`, { count }, o),
  previewSchedule: (body: { settings: t.ScheduleInput; from?: string; count?: number }) => post<t.SchedulePreview>("/schedules/preview", body),

  queues: (o?: O) => all<t.Queue>("/queues", {}, o),
  queue: (queue: string, o?: O) => get<t.Queue>(`/queues/${seg(queue)}`, undefined, o),
  createQueue: (body: { name: string; settings?: Partial<t.QueueSettings> }) => call<t.Queue>("POST", "/queues", { body, idempotencyKey: fresh() }),
  updateQueue: (queue: string, body: Partial<t.QueueSettings>) => call<t.Queue>("PATCH", `/queues/${seg(queue)}`, { body }),
  deleteQueue: (queue: string) => call<void>("DELETE", `/queues/${seg(queue)}`),
  pauseQueue: (queue: string) => post<t.Queue>(`/queues/${seg(queue)}/pause`),
  resumeQueue: (queue: string) => post<t.Queue>(`/queues/${seg(queue)}/resume`),
  peekQueue: (queue: string, query: { limit?: number; cursor?: string } = {}, o?: O) => get<t.Collection<t.Run>>(`/queues/${seg(queue)}/peek`, query, o),
  limits: (o?: O) => all<t.Limit>("/limits", {}, o),
  putLimit: (tag: string, limit: number) => call<t.Limit>("PUT", "/limits", { body: { tag, limit } }),
  deleteLimit: (id: string) => call<void>("DELETE", `/limits/${seg(id)}`),

  keys: (o?: O) => all<t.Key>("/keys", {}, o),
  createKey: (body: { name: string; role: t.Role; expires_in_seconds?: number }) => call<t.CreatedKey>("POST", "/keys", { body }),
  revokeKey: (id: string) => call<void>("DELETE", `/keys/${seg(id)}`),

  audit: (query: t.AuditQuery = {}, o?: O) => get<t.Collection<t.AuditEntry>>("/audit", query, o),

  dashboardMetrics: (o?: O) => get<t.DashboardMetrics>("/metrics/dashboard", undefined, o),
  stateCounts: (o?: O) => get<t.StateCounts>("/metrics/states", undefined, o),
  samples: (query: { metric: string; subject?: string; from?: string; until?: string; grain_seconds?: number; points?: number }, o?: O) => get<t.Samples>("/metrics/samples", query, o),
  outcomes: (query: t.OutcomeQuery, o?: O) => get<t.Outcomes>("/metrics/outcomes", query, o),
};

/** A filter in a JSON body speaks the same comma lists as the query string. */
export function wireFilter(filter: t.RunQuery): Record<string, unknown> {
  const { state, priority, cursor: _cursor, limit: _limit, ...rest } = filter;
  return {
    ...rest,
    ...(state?.length ? { state: state.join(",") } : {}),
    ...(priority?.length ? { priority: priority.join(",") } : {}),
  };
}
