// A Vite plugin that stands in for the server while developing: invented data, and an event stream that moves.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type * as t from "../src/api/types";
import { answer, lineOf } from "./routes.ts";
import { makeRun, random, runs } from "./world.ts";

const streams = new Set<ServerResponse>();
let nextEvent = 1;

function emit(run: t.Run, from: t.State | null) {
  const event: t.Event = { id: String(nextEvent++), kind: `run.${run.state}`, at: new Date().toISOString(), subject: run.id, actor: "dispatcher", run: { id: run.id, from, to: run.state, attempt: run.attempt, event: "changed", robot_id: run.robot_id } };
  for (const stream of streams) stream.write(`event: event\nid: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** So many transitions a second, for measuring: BATON_DEV_FLOOD=2000. */
const FLOOD = Number(process.env.BATON_DEV_FLOOD ?? 0);
let flooded = 0;
function flood() {
  for (let i = 0; i < FLOOD / 20; i++) {
    const run = runs[(flooded += 7) % Math.min(runs.length, 600)] as t.Run;
    const from = run.state;
    run.state = from === "running" ? "completed" : "running";
    run.changed_at = new Date().toISOString();
    emit(run, from);
  }
}

/** One thing happens: a run is made, given out, started or ended. */
function tick() {
  const now = new Date().toISOString();
  const dice = random();
  const queued = runs.find((r) => r.state === "queued" && Date.now() - Date.parse(r.created_at) < 60_000);
  const dispatched = runs.find((r) => r.state === "dispatched");
  const running = runs.filter((r) => r.state === "running");
  if (dispatched) {
    dispatched.state = "running";
    dispatched.started_at = now;
    emit(dispatched, "dispatched");
  } else if (queued && dice < 0.5) {
    queued.state = "dispatched";
    const like = makeRun(Date.now(), "dispatched");
    Object.assign(queued, { dispatched_at: now, robot_id: like.robot_id, robot_name: like.robot_name, computer: like.computer });
    emit(queued, "queued");
  } else if (running.length > 5 && dice < 0.8) {
    const run = running.at(-1) as t.Run;
    run.state = random() < 0.88 ? "completed" : "failed";
    run.ended_at = now;
    run.changed_at = now;
    emit(run, "running");
  } else {
    const run = makeRun(Date.now(), "queued");
    runs.unshift(run);
    emit(run, null);
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : undefined;
}

function openStream(response: ServerResponse) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
}

async function handle(request: IncomingMessage, response: ServerResponse, next: () => void) {
  const url = new URL(request.url ?? "/", "http://dev");
  if (!url.pathname.startsWith("/api/v1/")) return next();
  const path = url.pathname.slice("/api/v1".length);
  if (path === "/events") {
    openStream(response);
    streams.add(response);
    request.on("close", () => streams.delete(response));
    return;
  }
  const follow = /^\/runs\/([^/]+)\/logs\/stream$/.exec(path);
  if (follow) {
    const run = runs.find((r) => r.id === follow[1]);
    openStream(response);
    let seq = Number(url.searchParams.get("cursor")?.split(".")[1] ?? 0);
    const timer = setInterval(() => {
      if (!run || run.ended_at) return;
      const total = Math.floor((Date.now() - Date.parse(run.started_at ?? "")) / 40);
      for (; seq < total; seq++) {
        const line = lineOf(run, seq + 1);
        response.write(`event: log\nid: ${line.attempt}.${line.seq}\ndata: ${JSON.stringify(line)}\n\n`);
      }
    }, 200);
    request.on("close", () => clearInterval(timer));
    return;
  }
  const result = answer(request.method ?? "GET", path, url.searchParams, await bodyOf(request).catch(() => undefined));
  if (result.event) emit(result.event.run, result.event.from);
  response.statusCode = result.status ?? 200;
  response.setHeader("content-type", result.type ?? (response.statusCode >= 400 ? "application/problem+json" : "application/json"));
  response.end(result.raw ?? (result.body === undefined ? "" : JSON.stringify(result.body)));
}

export function fixture(): Plugin {
  const use = (server: { middlewares: { use: (f: (a: IncomingMessage, b: ServerResponse, n: () => void) => void) => void } }) => {
    if (process.env.BATON_DEV_STILL !== "1") setInterval(tick, 1200).unref();
    if (FLOOD) setInterval(flood, 50).unref();
    server.middlewares.use((request, response, next) => void handle(request, response, next));
  };
  return { name: "baton-fixture", configureServer: use, configurePreviewServer: use };
}
