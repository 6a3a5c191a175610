// Connects a log store to the server: the end first, pages on demand, live lines in frames.
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { api, type LogEntry } from "@/api";
import { BASE, queryString } from "@/api/http";
import { LogStore, type LogFilter } from "@/lib/logStore";

export function useLogs(run: string, attempt: number, filter: LogFilter, live: boolean): LogStore {
  const { level, task, search } = filter;
  const store = useMemo(
    () => new LogStore((query, signal) => api.logs(run, query, { signal }), attempt, { level, task, search }),
    [run, attempt, level, task, search],
  );
  useSyncExternalStore(store.subscribe, store.snapshot);
  useEffect(() => {
    let source: EventSource | null = null;
    let frame = 0;
    let waiting: LogEntry[] = [];
    let stopped = false;
    const flush = () => {
      frame = 0;
      const lines = waiting;
      waiting = [];
      store.append(lines);
    };
    const receive = (message: MessageEvent<string>) => {
      waiting.push(JSON.parse(message.data) as LogEntry);
      if (frame === 0) frame = requestAnimationFrame(flush);
    };
    const follow = () => {
      if (stopped || !live) return;
      const last = store.lastSeq();
      source = new EventSource(`${BASE}/runs/${run}/logs/stream${queryString({ attempt, cursor: last ? `${attempt}.${last}` : undefined })}`);
      source.addEventListener("log", receive);
      source.addEventListener("end", () => source?.close());
    };
    void store.start().then(follow);
    return () => {
      stopped = true;
      source?.close();
      cancelAnimationFrame(frame);
      store.stop();
    };
  }, [store, run, attempt, live]);
  return store;
}

/** The log as a file, which the server writes while the browser saves it. */
export function downloadLog(run: string, name: string, attempt: number, filter: LogFilter): void {
  const link = document.createElement("a");
  link.href = `${BASE}/runs/${run}/logs/text${queryString({ ...filter, attempt })}`;
  link.download = `${name}-${attempt}.log`;
  link.click();
}
