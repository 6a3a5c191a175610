// Every address of the dashboard; pages load when they are first visited.
import type { QueryClient } from "@tanstack/react-query";
import { BASE_PATH } from "@/lib/base";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { q } from "@/api";
import { reach } from "@/api/http";
import { parseSearch, stringifySearch, type Search } from "@/lib/search";
import { Shell } from "./Shell";
import { NotFound, PageError, PagePending } from "./Fallbacks";

interface Context {
  client: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ notFoundComponent: NotFound });
const validateSearch = (search: Record<string, unknown>): Search => search as Search;

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch,
  component: lazyRouteComponent(() => import("@/pages/SignIn"), "SignIn"),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  // A sign-in link lands on any address with its token in the fragment.
  beforeLoad: async ({ context, location }) => {
    const token = /^#?(?:token=)?(bl_.+)$/.exec(location.hash)?.[1];
    if (token) throw redirect({ to: "/sign-in", hash: token, search: { to: location.pathname }, replace: true });
    try {
      return { session: await context.client.ensureQueryData(q.session()) };
    } catch (error) {
      if ((error as { status?: number }).status === 401) {
        const here = location.pathname + location.searchStr;
        throw redirect({ to: "/sign-in", search: here === "/" ? {} : { to: here }, replace: true });
      }
      throw error;
    }
  },
});

/** Code that cannot be fetched because the server is away is no newer version: it comes when the server does. */
const loaded = <T,>(load: () => Promise<T>) => async (): Promise<T> => {
  try {
    return await load();
  } catch (error) {
    await reach();
    throw error;
  }
};

const page = <const P extends string, T extends Record<string, React.ComponentType>>(path: P, load: () => Promise<T>, name: keyof T & string) =>
  createRoute({ getParentRoute: () => shell, path, validateSearch, component: lazyRouteComponent(loaded(load), name) });

/** Addresses that Prefect's clients print or people guess, led to the page that shows the same. */
const old = <const P extends string>(path: P, to: (id: string) => string) =>
  createRoute({
    getParentRoute: () => root,
    path,
    beforeLoad: ({ params }) => {
      throw redirect({ href: to((params as { id: string }).id), replace: true });
    },
  });

const tree = root.addChildren([
  signIn,
  shell.addChildren([
    page("/", () => import("@/pages/overview/Overview"), "Overview"),
    page("/runs", () => import("@/pages/runs/Runs"), "Runs"),
    page("/runs/$run", () => import("@/pages/run/RunPage"), "RunPage"),
    page("/flows", () => import("@/pages/flows/Flows"), "Flows"),
    page("/flows/$flow", () => import("@/pages/flows/Flows"), "Flows"),
    page("/deployments", () => import("@/pages/deployments/Deployments"), "Deployments"),
    page("/deployments/$deployment", () => import("@/pages/deployments/DeploymentPage"), "DeploymentPage"),
    page("/robots", () => import("@/pages/robots/Robots"), "Robots"),
    page("/robots/add", () => import("@/pages/robots/AddRobot"), "AddRobot"),
    page("/robots/$robot", () => import("@/pages/robots/RobotPage"), "RobotPage"),
    page("/queues", () => import("@/pages/queues/Queues"), "Queues"),
    page("/queues/$queue", () => import("@/pages/queues/Queues"), "Queues"),
    // `/metrics` belongs to Prometheus, so what is drawn for people is named otherwise.
    page("/trends", () => import("@/pages/trends/Trends"), "Trends"),
    page("/audit", () => import("@/pages/audit/Audit"), "Audit"),
    page("/settings", () => import("@/pages/settings/Settings"), "Settings"),
    // An address that leads nowhere keeps the places beside it.
    createRoute({ getParentRoute: () => shell, path: "/$", component: NotFound }),
  ]),
  old("/flow-runs/flow-run/$id", (id) => `/runs/${id}`),
  old("/runs/flow-run/$id", (id) => `/runs/${id}`),
  old("/runs/task-run/$id", (id) => `/runs?prefix=${id}`),
  old("/flows/flow/$id", (id) => `/flows/${id}`),
  old("/deployments/deployment/$id", (id) => `/deployments/${id}`),
  // A schedule stands with its deployment.
  old("/schedules", () => "/deployments"),
  old("/work-pools/work-pool/$id", () => "/queues"),
  old("/work-queues/work-queue/$id", (id) => `/queues/${id}`),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: BASE_PATH || "/",
    context: { client },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    defaultPendingMs: 200,
    defaultPendingMinMs: 0,
    defaultPendingComponent: PagePending,
    defaultErrorComponent: PageError,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
