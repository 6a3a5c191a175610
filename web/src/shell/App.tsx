// Everything that surrounds the pages: caches, preferences, notes, the router.
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { ApiError } from "@/api";
import { onSignedOut } from "@/api/http";
import { inner } from "@/lib/base";
import { PreferencesProvider } from "@/lib/preferences";
import { ToastProvider } from "@/ui/Toast";
import { TooltipProvider } from "@/ui/Tooltip";
import { makeRouter } from "./router";

const client = new QueryClient({
  queryCache: new QueryCache(),
  mutationCache: new MutationCache(),
  defaultOptions: {
    // The server may be this machine, or stand in a network without a way out: the browser's word for being offline says nothing of it.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 5_000,
      gcTime: 120_000,
      // A refusal stays a refusal; only a server that does not answer is asked again.
      retry: (failures, error) => failures < 3 && error instanceof ApiError && (error.status === 0 || error.status === 503),
      retryDelay: (failures) => Math.min(8_000, 500 * 2 ** failures),
      refetchOnWindowFocus: true,
    },
  },
});
const router = makeRouter(client);
onSignedOut(() => {
  client.removeQueries({ queryKey: ["session"] });
  const path = inner(location.pathname);
  if (path === "/sign-in") return;
  void router.navigate({ to: "/sign-in", search: { to: path + location.search, why: "expired" } });
});

export function App() {
  return (
    <QueryClientProvider client={client}>
      <PreferencesProvider>
        <TooltipProvider>
          <ToastProvider>
            <RouterProvider router={router} />
          </ToastProvider>
        </TooltipProvider>
      </PreferencesProvider>
    </QueryClientProvider>
  );
}
