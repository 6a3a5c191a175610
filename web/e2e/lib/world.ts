// Fills a server with one of everything that the dashboard shows; whoever asks says with which words.
import { startBeside, type Server } from "./server.ts";
import { until } from "./wait.ts";

/** The text of one stored string. Names must not hold `/`; everything else may. */
export type Word = (what: string) => string;

/** Plain words, as people use them. */
export const plain: Word = (what) => what.replaceAll("-", " ");

export interface World {
  failed: string;
  running: string;
  waiting: string;
  cancelled: string;
  flow: string;
  deployment: string;
  queue: string;
  robot: string;
}

const ESC = "\u001b";

async function reported(server: Server, word: Word): Promise<{ failed: string; running: string }> {
  const at = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const failed = await server.report(word("flow"), {
    parameters: { [word("parameter-name")]: word("parameter-value"), nested: { deep: [word("parameter-nested")] } },
    tags: [word("run-tag")],
    computer: word("computer"),
    tasks: [
      { key: word("task-key"), name: word("task-name"), state: "completed", started_at: at(9), ended_at: at(6), data: { [word("task-data-name")]: word("task-data") } },
      { key: "second", name: word("task-name-two"), state: "failed", after: [word("task-key")], tries: 2, started_at: at(6), ended_at: at(2), error: { kind: "business", message: word("task-error"), stack: word("task-stack") } },
    ],
    lines: [
      word("log-line"),
      `${ESC}[1;31m${word("log-bold-red")}${ESC}[0m ${ESC}[4;36m${word("log-underlined")}${ESC}[0m`,
      { message: `${ESC}]8;;javascript:alert(1)\u0007${word("log-hyperlink")}${ESC}]8;;\u0007`, level: "warning" },
      { message: word("log-of-task"), level: "error", task: word("task-key") },
    ],
    finish: { state: "failed", exit_code: 3, outputs: { [word("output-name")]: word("output-value"), nested: [word("output-nested")] }, error: { kind: "business", message: word("run-error"), task: word("task-key"), stack: word("run-stack") } },
  });
  const running = await server.report(word("flow"), { lines: ["begun"], tasks: [{ key: "first", name: word("task-running"), state: "running", started_at: at(30) }] });
  await server.do("POST", `/runs/${running}/report/tasks`, { tasks: [], progress: { percent: 40, message: word("progress-message"), task: "first" } });
  return { failed, running };
}

/** A file of the failed run, with a name and a content of its own. */
async function leaveFiles(server: Server, run: string, word: Word): Promise<void> {
  const files: [string, string][] = [
    [`${word("file-name")}.txt`, word("file-text")],
    ["page.html", `<!doctype html><title>file</title>${word("file-html")}<script>document.title="pwned"</script>`],
    ["picture.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="36"><script>document.title="pwned"</script><rect width="64" height="36" fill="#789"/></svg>`],
  ];
  for (const [name, text] of files) {
    const response = await fetch(`${server.url}/api/v1/runs/${run}/artifacts?name=${encodeURIComponent(name)}&attempt=1&fence=0`, {
      method: "PUT",
      headers: { authorization: `Bearer ${server.key}`, "content-type": "application/octet-stream" },
      body: text,
    });
    if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
  }
}

async function deployed(server: Server, word: Word): Promise<{ flow: string; deployment: string; queue: string; waiting: string; cancelled: string }> {
  const body = (argv: string[]) => ({
    flow: word("deployed-flow"),
    description: word("flow-description"),
    folder: word("flow-folder"),
    flow_tags: [word("flow-tag")],
    entry: { kind: "command", argv, env: { BATON_TRIAL: word("entry-environment") } },
    parameter_schema: {
      type: "object",
      properties: {
        month: { type: "string", title: word("schema-title"), description: word("schema-description"), default: word("schema-default") },
        choice: { enum: [word("schema-choice"), "b"] },
      },
    },
    source: { path: word("source-path") },
    deployment: word("deployment"),
    settings: { queue: word("queue"), description: word("deployment-description"), tags: [word("deployment-tag")], labels: [word("needed-label")], parameters: { month: word("deployment-parameter") } },
    schedule: { name: word("schedule"), settings: { rule: { frequency: "cron", expression: "30 6 * * MON-FRI" }, parameters: { month: word("schedule-parameter") } } },
  });
  await server.do("POST", "/deploy", body(["true", word("argument-old")]));
  await server.do("POST", "/deploy", body(["true", word("argument-new")]));
  const deployment = (await server.do("GET", "/deployments")).items[0];
  const queue = (await server.do("GET", "/queues")).items.find((q: { name: string }) => q.name === word("queue"));
  await server.do("PATCH", `/queues/${queue.id}`, { description: word("queue-description"), concurrency_limit: 3 });
  await server.do("PUT", "/limits", { tag: word("limit-tag"), limit: 2 });
  const run = await server.do("POST", `/deployments/${deployment.id}/run`, { tags: [word("waiting-tag")] });
  const gone = await server.do("POST", `/deployments/${deployment.id}/run`, {});
  await server.do("POST", `/runs/${gone.id}/cancel`, { message: word("cancel-message") });
  return { flow: deployment.flow_id, deployment: deployment.id, queue: queue.id, waiting: run.id, cancelled: gone.id };
}

/** A real robot, drained with a comment so that what waits goes on waiting. */
async function robot(server: Server, word: Word): Promise<string> {
  const { token } = await server.do("POST", "/enrolments", {});
  startBeside(server, ["robot", "--name", word("robot"), "--label", word("robot-label"), "--capability", word("robot-capability"), "--server", server.url, "--token", token, "--data", "robot-data"]);
  const found = await until("the robot", async () => (await server.do("GET", "/robots")).items.find((r: { connected: boolean }) => r.connected));
  await server.do("POST", `/robots/${found.id}/drain`, { comment: word("drain-comment") });
  await server.do("POST", "/robots/broadcast", { event: word("broadcast-event"), data: { text: word("broadcast-text") } });
  return found.id;
}

export async function fill(server: Server, word: Word): Promise<World> {
  const told = await reported(server, word);
  await leaveFiles(server, told.failed, word);
  const made = await deployed(server, word);
  await server.keyFor("operator", word("key"));
  return { ...told, ...made, robot: await robot(server, word) };
}

/** Every page with something on it, and its name. */
export function places(w: World): [string, string][] {
  const run = (name: string, id: string, tab: string): [string, string] => [`${name}, ${tab}`, `/runs/${id}${tab === "logs" ? "" : `?tab=${tab}`}`];
  return [
    ["overview", "/"],
    ["runs", "/runs"],
    ["failed runs", "/runs?state=failed,crashed,timed_out"],
    ...["logs", "timeline", "graph", "transitions", "results", "details"].map((tab) => run("failed run", w.failed, tab)),
    ["a task of a run", `/runs/${w.failed}?tab=graph&node=second`],
    run("running run", w.running, "logs"),
    run("waiting run", w.waiting, "logs"),
    run("cancelled run", w.cancelled, "transitions"),
    ["flows", "/flows"],
    ["flows by tag", "/flows?by=tags"],
    ["flow", `/flows/${w.flow}`],
    ["versions of a flow", `/flows/${w.flow}?tab=versions`],
    ["deployments", "/deployments"],
    ["deployment", `/deployments/${w.deployment}`],
    ["robots", "/robots"],
    ["robot", `/robots/${w.robot}`],
    ["log of a robot", `/robots/${w.robot}?tab=logs`],
    ["add a robot", "/robots/add"],
    ["work queues", "/queues"],
    ["work queue", `/queues/${w.queue}`],
    ["trends", "/trends"],
    ["audit", "/audit"],
    ["settings", "/settings"],
    ["no such page", "/nowhere"],
  ];
}
