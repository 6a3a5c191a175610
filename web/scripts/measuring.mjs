// What the scripts share: the pages there are, when a page is settled, and how long its frames take.

const ask = (page, path) => page.evaluate((p) => fetch(`/api/v1${p}`).then((r) => (r.ok ? r.json() : { items: [] })), path);

/** Every page as name and path, some of them found by what is in the store. */
export async function everyPage(page) {
  const one = async (query) => (await ask(page, `/runs?limit=1&${query}`)).items[0]?.id;
  const [running, failed, waiting, done] = [await one("state=running"), await one("state=failed"), (await one("late=true")) ?? (await one("state=queued")), await one("state=completed")];
  // Of the runs that completed the one that reported most tasks: it has something to show.
  let [best, most] = [done, 0];
  for (const run of new Map(((await ask(page, "/runs?limit=300&state=completed")).items ?? []).map((r) => [r.flow_name, r])).values()) {
    const { items } = await ask(page, `/runs/${run.id}/task-runs`);
    if (items.length > most) [best, most] = [run.id, items.length];
  }
  const first = async (path) => (await ask(page, path)).items[0]?.id;
  const [robot, flow, deployment, queue] = [await first("/robots"), await first("/flows"), await first("/deployments"), await first("/queues")];
  return Object.entries({
    overview: "/",
    runs: "/runs",
    "runs-failed": "/runs?state=failed,crashed,timed_out",
    "run-logs": best && `/runs/${best}`,
    "run-live": running && `/runs/${running}`,
    "run-timeline": best && `/runs/${best}?tab=timeline`,
    "run-graph": best && `/runs/${best}?tab=graph`,
    "run-failed": failed && `/runs/${failed}?tab=results`,
    "run-transitions": done && `/runs/${done}?tab=transitions`,
    "run-details": done && `/runs/${done}?tab=details`,
    "run-waiting": waiting && `/runs/${waiting}`,
    "run-missing": "/runs/00000000-0000-7000-8000-000000000000",
    flows: "/flows",
    flow: flow && `/flows/${flow}`,
    deployments: "/deployments",
    deployment: deployment && `/deployments/${deployment}`,
    robots: "/robots",
    robot: robot && `/robots/${robot}`,
    "add-robot": "/robots/add",
    queues: "/queues",
    queue: queue && `/queues/${queue}`,
    trends: "/trends",
    audit: "/audit",
    settings: "/settings",
    "sign-in": "/sign-in",
  }).filter(([, path]) => path);
}

/** The title is there and nothing says that it loads. */
export const settled = (page) =>
  page.waitForFunction(() => document.querySelector("h1") && !document.querySelector("[aria-busy=true],[aria-label=Loading],.skeleton"), undefined, { timeout: 10_000, polling: "raf" }).catch(() => {});

/** The run with the longest log among those that completed: the one that is named, or one of many lines. */
export async function deepest(page, named) {
  if (named) return named;
  const { items } = await ask(page, "/runs?limit=1000&state=completed");
  let best = items[0]?.id;
  let most = 0;
  for (const flow of [...new Map(items.map((r) => [r.flow_name, r.id])).values()]) {
    const { items: tail } = await ask(page, `/runs/${flow}/logs?tail=true&limit=1`);
    if ((tail[0]?.seq ?? 0) > most) [best, most] = [flow, tail[0].seq];
  }
  return best;
}

/** Counts frames from now on; calling what it returns ends it and says what they were. */
export async function watchFrames(page) {
  await page.evaluate(() => {
    const state = (window.frameWatch = { times: [], on: true, long: [] });
    let last = performance.now();
    const tick = (now) => {
      state.times.push(now - last);
      last = now;
      if (state.on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    state.observer = new PerformanceObserver((list) => state.long.push(...list.getEntries().map((e) => e.duration)));
    state.observer.observe({ type: "longtask" });
  });
  return () =>
    page.evaluate(() => {
      const state = window.frameWatch;
      state.on = false;
      state.observer.disconnect();
      const times = state.times.slice(1).sort((a, b) => a - b);
      const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(0);
      return `${times.length} frames, median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, ${times.filter((t) => t > 100).length} over 100 ms; ${state.long.length} long tasks, longest ${Math.max(0, ...state.long).toFixed(0)} ms`;
    });
}
