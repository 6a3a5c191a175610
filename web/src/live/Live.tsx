// Feeds the event stream into the caches, and tells pages whether it is connected.
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import type { Collection, Run } from "@/api";
import { changedPage, changedPages, changedRun } from "./apply";
import type { Batch } from "./buffer";
import { openStream, type Connection } from "./stream";

interface Live {
  connection: Connection;
  since: number;
  /** Every batch, for pages that keep more than caches. */
  subscribe: (listener: (batch: Batch) => void) => () => void;
}

const LiveContext = createContext<Live>({ connection: "connecting", since: 0, subscribe: () => () => {} });
export const useLive = () => useContext(LiveContext);

/** Lists are asked again at most this often, however much happens. */
const REFRESH_EVERY = 2_000;
/** What each kind of event makes stale, beside runs. */
const STALE: Record<string, string[]> = {
  robot: ["robots"], schedule: ["schedules", "deployments"], deployment: ["deployments"], flow: ["flows"], version: ["flows", "versions"],
  queue: ["queues"], limit: ["limits", "queues"], key: ["keys"],
  runs: ["runs/list", "runs/pages", "runs/fresh", "runs/one", "metrics/states"],
};

/** Marks keys as stale now and then: at once when it was quiet, otherwise once per period. */
function throttledRefresh(client: QueryClient) {
  const waiting = new Set<string>();
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = () => {
    timer = undefined;
    last = Date.now();
    const keys = [...waiting];
    waiting.clear();
    for (const key of keys) void client.invalidateQueries({ queryKey: key.split("/") });
  };
  return {
    add: (key: string) => {
      waiting.add(key);
      timer ??= setTimeout(run, Math.max(60, last + REFRESH_EVERY - Date.now()));
    },
    stop: () => clearTimeout(timer),
  };
}

function applyBatch(client: QueryClient, batch: Batch, refresh: (key: string) => void) {
  if (batch.runs.size > 0) {
    client.setQueriesData<Collection<Run>>({ queryKey: ["runs", "list"] }, (old) => old && changedPage(old, batch.runs));
    client.setQueriesData<InfiniteData<Collection<Run>>>({ queryKey: ["runs", "pages"] }, (old) => old && (changedPages(old, batch.runs) as InfiniteData<Collection<Run>>));
    for (const [id, change] of batch.runs) {
      if (client.getQueryData(["runs", "one", id]) === undefined) continue;
      client.setQueryData<Run>(["runs", "one", id], (old) => old && changedRun(old, change));
      void client.invalidateQueries({ queryKey: ["runs", "one", id] });
    }
    refresh("runs/list");
    refresh("runs/fresh");
    refresh("metrics/states");
    refresh("metrics/dashboard");
    refresh("queues");
  }
  if (batch.robots.size > 0) refresh("robots");
  for (const kind of batch.kinds) for (const key of STALE[kind] ?? []) refresh(key);
  if (batch.overflow) refresh("runs/pages");
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<{ connection: Connection; since: number }>({ connection: "connecting", since: Date.now() });
  const listeners = useRef(new Set<(batch: Batch) => void>());
  useEffect(() => {
    const refresh = throttledRefresh(client);
    const close = openStream({
      onBatch: (batch) => {
        applyBatch(client, batch, refresh.add);
        listeners.current.forEach((listener) => listener(batch));
      },
      onConnection: (connection, since) => setState((old) => (old.connection === connection ? old : { connection, since })),
      onGap: () => void client.invalidateQueries(),
    });
    return () => {
      close();
      refresh.stop();
    };
  }, [client]);
  const value = useMemo<Live>(
    () => ({
      ...state,
      subscribe: (listener) => {
        listeners.current.add(listener);
        return () => void listeners.current.delete(listener);
      },
    }),
    [state],
  );
  return <LiveContext.Provider value={value}>{children}</LiveContext.Provider>;
}
