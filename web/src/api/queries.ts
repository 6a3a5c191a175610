// Cache keys and options of every query, so that the event stream knows what to refresh.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api } from "./calls";
import type { AuditQuery, OutcomeQuery, RunQuery } from "./types";

export const q = {
  session: () => queryOptions({ queryKey: ["session"], queryFn: () => api.session(true), staleTime: Infinity, retry: false }),
  about: () => queryOptions({ queryKey: ["about"], queryFn: api.about, staleTime: 300_000 }),
  robots: () => queryOptions({ queryKey: ["robots"], queryFn: ({ signal }) => api.robots({ signal }), refetchInterval: 15_000 }),
  robot: (id: string) => queryOptions({ queryKey: ["robots", id], queryFn: ({ signal }) => api.robot(id, { signal }), refetchInterval: 10_000 }),
  states: () => queryOptions({ queryKey: ["metrics", "states"], queryFn: ({ signal }) => api.stateCounts({ signal }), refetchInterval: 30_000 }),
  dashboard: () => queryOptions({ queryKey: ["metrics", "dashboard"], queryFn: ({ signal }) => api.dashboardMetrics({ signal }), refetchInterval: 30_000 }),
  outcomes: (query: OutcomeQuery, key: unknown = query) =>
    queryOptions({ queryKey: ["metrics", "outcomes", key], queryFn: ({ signal }) => api.outcomes(query, { signal }), placeholderData: (old) => old }),
  samples: (query: Parameters<typeof api.samples>[0], key: unknown = query) =>
    queryOptions({ queryKey: ["metrics", "samples", key], queryFn: ({ signal }) => api.samples({ points: CHART_POINTS, ...query }, { signal }), placeholderData: (old) => old }),
  runs: (query: RunQuery) => queryOptions({ queryKey: ["runs", "list", query], queryFn: ({ signal }) => api.runs(query, { signal }) }),
  /** What is late and why: asked again when it is another number, not with every event, as the server decides anew for each. */
  late: (count: number) =>
    queryOptions({ queryKey: ["runs", "late", count], queryFn: ({ signal }) => api.runs({ late: true, order: "ascending", explain: true, limit: 6 }, { signal }), placeholderData: (old) => old }),
  runPages: (query: RunQuery) =>
    infiniteQueryOptions({
      queryKey: ["runs", "pages", query],
      queryFn: ({ pageParam, signal }) => api.runs({ ...query, limit: RUNS_PAGE, cursor: pageParam }, { signal }),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next ?? undefined,
    }),
  run: (id: string) => queryOptions({ queryKey: ["runs", "one", id], queryFn: ({ signal }) => api.run(id, { signal }) }),
  attempts: (id: string) => queryOptions({ queryKey: ["runs", "one", id, "attempts"], queryFn: ({ signal }) => api.attempts(id, { signal }) }),
  runEvents: (id: string) => queryOptions({ queryKey: ["runs", "one", id, "events"], queryFn: ({ signal }) => api.runEvents(id, { signal }) }),
  taskRuns: (id: string, attempt?: number) => queryOptions({ queryKey: ["runs", "one", id, "tasks", attempt], queryFn: ({ signal }) => api.taskRuns(id, attempt, { signal }) }),
  artifacts: (id: string) => queryOptions({ queryKey: ["runs", "one", id, "artifacts"], queryFn: ({ signal }) => api.artifacts(id, { signal }) }),
  explain: (id: string) => queryOptions({ queryKey: ["runs", "one", id, "explain"], queryFn: ({ signal }) => api.explain(id, { signal }), refetchInterval: 5_000 }),
  flows: () => queryOptions({ queryKey: ["flows"], queryFn: ({ signal }) => api.flows({}, { signal }) }),
  flow: (id: string) => queryOptions({ queryKey: ["flows", id], queryFn: ({ signal }) => api.flow(id, { signal }) }),
  versions: (flow: string) => queryOptions({ queryKey: ["flows", flow, "versions"], queryFn: ({ signal }) => api.versions(flow, { signal }) }),
  version: (id: string) => queryOptions({ queryKey: ["versions", id], queryFn: ({ signal }) => api.version(id, { signal }), staleTime: 60_000 }),
  deployments: () => queryOptions({ queryKey: ["deployments"], queryFn: ({ signal }) => api.deployments({}, { signal }) }),
  deployment: (id: string) => queryOptions({ queryKey: ["deployments", id], queryFn: ({ signal }) => api.deployment(id, { signal }) }),
  zoneReport: () => queryOptions({ queryKey: ["zones"], queryFn: ({ signal }) => api.zoneReport({ signal }), staleTime: 60_000 }),
  schedules: () => queryOptions({ queryKey: ["schedules"], queryFn: ({ signal }) => api.schedules({}, { signal }) }),
  queues: () => queryOptions({ queryKey: ["queues"], queryFn: ({ signal }) => api.queues({ signal }), refetchInterval: 10_000 }),
  queue: (id: string) => queryOptions({ queryKey: ["queues", id], queryFn: ({ signal }) => api.queue(id, { signal }), refetchInterval: 10_000 }),
  limits: () => queryOptions({ queryKey: ["limits"], queryFn: ({ signal }) => api.limits({ signal }) }),
  audit: (query: AuditQuery) =>
    infiniteQueryOptions({
      queryKey: ["audit", query],
      queryFn: ({ pageParam, signal }) => api.audit({ ...query, limit: AUDIT_PAGE, cursor: pageParam }, { signal }),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next ?? undefined,
    }),
  keys: () => queryOptions({ queryKey: ["keys"], queryFn: ({ signal }) => api.keys({ signal }) }),
};

/** Points of one line of a chart: about one for every three of its pixels. */
export const CHART_POINTS = 240;

/** Entries fetched at once by the audit page: two screens. */
const AUDIT_PAGE = 60;

/** Rows fetched at once by the runs table: two screens. */
export const RUNS_PAGE = 100;
