// Feeds the event stream into the caches, and tells pages whether it is connected.
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import type { Collection, Run, RunQuery } from "@/api";
import { changedPage, changedPages, changedRun } from "./apply";
import type { Batch } from "./buffer";
import { askFor, caughtUp, MOST_ASKED } from "./catchUp";
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
  runs: ["runs/list", "runs/pages", "runs/one", "metrics/states"],
};

/** Brings the changed runs into every list that is shown; lists that are not are asked again when they are. */
async function catchUp(client: QueryClient, ids: readonly string[]): Promise<void> {
  const lists = client.getQueryCache().findAll({ queryKey: ["runs", "list"] });
  await Promise.all(
    lists.map(async (list) => {
      const query = list.queryKey[2] as RunQuery;
      if (ids.length > MOST_ASKED || !list.isActive() || list.state.data === undefined) return client.invalidateQueries({ queryKey: list.queryKey, exact: true });
      const found = await askFor(query, ids).catch(() => null);
      if (!found) return client.invalidateQueries({ queryKey: list.queryKey, exact: true });
      const asked = new Set(ids);
      client.setQueryData<Collection<Run>>(list.queryKey, (old) => old && caughtUp(old, asked, found, query.order === "ascending", query.limit ?? MOST_ASKED));
    }),
  );
}

/** Marks keys as stale now and then: at once when it was quiet, otherwise once per period; and catches up with changed runs. */
function throttledRefresh(client: QueryClient) {
  const waiting = new Set<string>();
  const changed = new Set<string>();
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = () => {
    timer = undefined;
    last = Date.now();
    const keys = [...waiting];
    waiting.clear();
    for (const key of keys) void client.invalidateQueries({ queryKey: key.split("/") });
    const ids = [...changed];
    changed.clear();
    if (ids.length > 0) void catchUp(client, ids);
  };
  return {
    changed: (id: string) => {
      // More than can be asked for at once are not told apart.
      if (changed.size <= MOST_ASKED) changed.add(id);
    },
    add: (key: string) => {
      waiting.add(key);
      timer ??= setTimeout(run, Math.max(60, last + REFRESH_EVERY - Date.now()));
    },
    stop: () => clearTimeout(timer),
  };
}

function applyBatch(client: QueryClient, batch: Batch, refresh: (key: string) => void, changed: (id: string) => void) {
  if (batch.runs.size > 0) {
    client.setQueriesData<Collection<Run>>({ queryKey: ["runs", "list"] }, (old) => old && changedPage(old, batch.runs));
    client.setQueriesData<InfiniteData<Collection<Run>>>({ queryKey: ["runs", "pages"] }, (old) => old && (changedPages(old, batch.runs) as InfiniteData<Collection<Run>>));
    for (const [id, change] of batch.runs) {
      changed(id);
      if (client.getQueryData(["runs", "one", id]) === undefined) continue;
      client.setQueryData<Run>(["runs", "one", id], (old) => old && changedRun(old, change));
      void client.invalidateQueries({ queryKey: ["runs", "one", id] });
    }
    refresh("metrics/states");
    refresh("metrics/dashboard");
    refresh("queues");
  }
  if (batch.robots.size > 0) refresh("robots");
  for (const kind of batch.kinds) for (const key of STALE[kind] ?? []) refresh(key);
  if (batch.overflow) ["runs/list", "runs/pages"].forEach(refresh);
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<{ connection: Connection; since: number }>({ connection: "connecting", since: Date.now() });
  const listeners = useRef(new Set<(batch: Batch) => void>());
  useEffect(() => {
    const refresh = throttledRefresh(client);
    const close = openStream({
      onBatch: (batch) => {
        applyBatch(client, batch, refresh.add, refresh.changed);
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
