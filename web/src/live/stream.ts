// The one event stream of a page: resumes where it broke off, rests while the page is hidden, hands on batches.
import { onUnreachable, queryString, BASE } from "@/api/http";
import type { Event } from "@/api";
import { addEvent, emptyBatch, pauseAfter, type Batch } from "./buffer";

export type Connection = "connecting" | "live" | "broken" | "resting";

export interface StreamOptions {
  onBatch: (batch: Batch) => void;
  onConnection: (connection: Connection, since: number) => void;
  /** Events between then and now are lost: everything must be asked again. */
  onGap: () => void;
}

/** A hidden page gives its connection back after this, so that many tabs do not use up the browser's six. */
const REST_AFTER = 30_000;
const LONGEST_WAIT = 10_000;
/** A stream that looks open is doubted at most this often: opening it anew asks the whole page again. */
const DOUBT_EVERY = 30_000;

export function openStream(options: StreamOptions): () => void {
  let source: EventSource | null = null;
  let lastId: string | null = null;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let rest: ReturnType<typeof setTimeout> | undefined;
  let batch = emptyBatch();
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  let flushedAt = 0;
  let pause = 0;
  const flush = () => {
    waiting = undefined;
    const done = batch;
    batch = emptyBatch();
    const began = (flushedAt = performance.now());
    options.onBatch(done);
    // What it cost shows when the frame after the next begins: by then it is painted.
    pause = pauseAfter(0);
    requestAnimationFrame(() => requestAnimationFrame(() => (pause = pauseAfter(performance.now() - began))));
  };
  // At once when it was quiet; in a flood so seldom that most of the time is left for the person.
  const schedule = () => {
    waiting ??= setTimeout(flush, Math.max(0, document.hidden ? 250 : flushedAt + pause - performance.now()));
  };
  const receive = (message: MessageEvent<string>) => {
    if (message.lastEventId) lastId = message.lastEventId;
    try {
      const event = JSON.parse(message.data) as Event;
      if (event.id) lastId = event.id;
      addEvent(batch, event);
      schedule();
    } catch {
      options.onGap();
    }
  };
  const close = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
  };
  const again = () => {
    close();
    if (stopped) return;
    failures += 1;
    options.onConnection("broken", Date.now());
    // A pruned cursor is refused for ever: after some tries start from now.
    if (failures === 3) lastId = null;
    timer = setTimeout(open, Math.min(LONGEST_WAIT, 250 * 2 ** Math.min(failures, 6)) * (0.8 + Math.random() * 0.4));
  };
  const open = () => {
    close();
    if (stopped) return;
    if (failures === 0) options.onConnection("connecting", Date.now());
    const made = new EventSource(`${BASE}/events${queryString({ after: lastId })}`);
    source = made;
    made.onopen = () => {
      // Whatever was asked while the server was away has failed, and what happened may not be replayed whole.
      if (failures > 0) options.onGap();
      failures = 0;
      options.onConnection("live", Date.now());
    };
    made.onmessage = receive;
    made.addEventListener("event", receive as (e: globalThis.Event) => void);
    // The first frame brings a cursor, so that even a stream without events resumes without a gap.
    made.addEventListener("hello", (e) => (lastId = (e as MessageEvent).lastEventId || lastId));
    made.addEventListener("skipped", (e) => (lastId = (e as MessageEvent).lastEventId || lastId));
    made.onerror = again;
  };
  const onVisibility = () => {
    clearTimeout(rest);
    if (document.hidden) {
      rest = setTimeout(() => {
        close();
        options.onConnection("resting", Date.now());
      }, REST_AFTER);
    } else if (!source) {
      failures = 0;
      if (lastId === null) options.onGap();
      open();
    }
  };
  const onOnline = () => {
    if (!source || source.readyState !== EventSource.OPEN) open();
  };
  // A connection that was cut without a word looks open for long; a request without an answer gives it away.
  let doubtedAt = -DOUBT_EVERY;
  const doubt = () => {
    if (source?.readyState !== EventSource.OPEN || performance.now() - doubtedAt < DOUBT_EVERY) return;
    doubtedAt = performance.now();
    again();
  };
  onUnreachable(doubt);
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("online", onOnline);
  window.addEventListener("offline", doubt);
  open();

  return () => {
    stopped = true;
    close();
    clearTimeout(rest);
    clearTimeout(waiting);
    document.removeEventListener("visibilitychange", onVisibility);
    onUnreachable(() => {});
    window.removeEventListener("online", onOnline);
    window.removeEventListener("offline", doubt);
  };
}
