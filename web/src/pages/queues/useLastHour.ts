// What was sampled of the work queues in the last hour, for the list and for one queue's page.
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";

/** One sample a minute. */
const GRAIN = 60;

/** The last hour of each work queue: how many runs waited, and how many ended each second. */
export function useLastHour() {
  const from = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000).toISOString();
  const samples = useQuery({ ...q.samples({ metric: "queue_depth,throughput", from, grain_seconds: GRAIN }, ["hour", "queues"]), refetchInterval: 30_000 });
  const of = (metric: string) => new Map((samples.data?.series ?? []).filter((s) => s.metric === metric).map((s) => [s.subject, s.points.map((p) => p.value)]));
  return { depths: of("queue_depth"), rates: of("throughput") };
}
