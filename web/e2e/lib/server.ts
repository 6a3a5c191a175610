// A real `baton` with a data folder of its own, for one journey; stopped and removed at its end.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject, onTestFinished } from "vitest";
import type { Json } from "../../src/api/types.ts";
import { until } from "./wait.ts";

/** A process of the executable, and all that it has said. */
export interface Process {
  child: ChildProcess;
  said: () => string;
}

export interface Answer {
  status: number;
  body: any;
}

export interface ServerOptions {
  /** With a robot and the examples (`baton up`), or a server alone. */
  robot?: boolean;
  args?: string[];
}

/** How long a process may take to stop politely before it is killed. */
const STOP_MS = 10_000;

export function launch(folder: string, args: string[], env: Record<string, string> = {}): Process {
  const child = spawn(inject("baton"), args, {
    cwd: folder,
    env: { ...process.env, XDG_CONFIG_HOME: join(folder, "config"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { child, said: () => text };
}

export async function end({ child }: Process, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(timer);
}

export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), "baton-e2e-"));
  private process?: Process;
  url = "";
  key = "";
  /** The one-time link that the server printed. */
  link = "";

  constructor(private readonly options: ServerOptions) {}

  get data(): string {
    return join(this.folder, "data");
  }

  /** Starts it, the second time on the port of the first. */
  async start(): Promise<void> {
    const { robot, args = [] } = this.options;
    const port = this.url ? new URL(this.url).port : "0";
    const words = robot ? ["up", "--no-browser"] : ["server"];
    const process = launch(this.folder, [...words, "--port", port, "--data", this.data, ...args]);
    this.process = process;
    const link = await until("the server's sign-in link", () => {
      if (process.child.exitCode !== null) throw new Error(`baton ended:\n${process.said()}`);
      return /signing in once: (\S+)/.exec(process.said())?.[1];
    });
    this.link = link;
    this.url = new URL(link).origin;
    this.key = readFileSync(join(this.data, "admin.key"), "utf8").split("\n")[0] ?? "";
  }

  stop = (signal?: NodeJS.Signals): Promise<void> => (this.process ? end(this.process, signal) : Promise.resolve());

  /** Asks the API, as admin unless another key is given. */
  async ask(method: string, path: string, body?: unknown, key = this.key): Promise<Answer> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }

  /** Asks the API for something that must work. */
  async do(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A key for one role. */
  async keyFor(role: string, name = role): Promise<{ id: string; secret: string }> {
    const made = await this.do("POST", "/keys", { name, role });
    return { id: made.key.id, secret: made.secret };
  }

  /** A run as a person's own process reports it: whatever it is told to be. */
  async report(flow: string, story: Story = {}): Promise<string> {
    const run = (await this.do("POST", "/runs/report", { flow, parameters: story.parameters ?? {}, tags: story.tags ?? [], computer: story.computer ?? "office-1" })).id as string;
    if (story.tasks) await this.do("POST", `/runs/${run}/report/tasks`, { tasks: story.tasks });
    if (story.lines) {
      const at = new Date().toISOString();
      await this.do("POST", `/runs/${run}/report/logs`, { lines: story.lines.map((line, i) => ({ seq: i + 1, at, level: "info", stream: "stdout", ...(typeof line === "string" ? { message: line } : line) })) });
    }
    if (story.finish) await this.do("POST", `/runs/${run}/report/finish`, story.finish);
    return run;
  }
}

/** What a reported run was. */
export interface Story {
  parameters?: Record<string, Json>;
  tags?: string[];
  computer?: string;
  tasks?: object[];
  lines?: (string | { message: string; level?: string; task?: string })[];
  finish?: { state: string; exit_code?: number; outputs?: Record<string, Json>; error?: object };
}

/** A running server that ends with the test. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const server = new Server(options);
  onTestFinished(async () => {
    await server.stop();
    rmSync(server.folder, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

/** Another process of the executable that ends with the test. */
export function startBeside(server: Server, args: string[]): Process {
  const process = launch(server.folder, args);
  onTestFinished(() => end(process));
  return process;
}
