// What stands where a page should: while it loads, when it breaks, when there is none.
import { useEffect, useRef } from "react";
import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { Compass, RotateCw } from "lucide-react";
import { ApiError } from "@/api";
import { useLive } from "@/live/Live";
import { Button, buttonClass } from "@/ui/Button";
import { useTitle } from "@/ui/Page";
import { EmptyState, ErrorState, Skeleton } from "@/ui/States";

export function PagePending() {
  return (
    <div role="status" aria-label="Loading" className="mx-auto w-full max-w-[1440px] px-4 pt-5 sm:px-6">
      <Skeleton className="h-6 w-40" />
      <div className="mt-6 h-40 rounded-lg border border-line bg-surface" />
      <div className="mt-4 h-64 rounded-lg border border-line bg-surface" />
    </div>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  // A page that the server's absence kept away comes back with it.
  const { connection } = useLive();
  const before = useRef(connection);
  useEffect(() => {
    const returned = connection === "live" && before.current !== "live";
    before.current = connection;
    if (returned && error instanceof ApiError) again();
  });
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ApiError) return <ErrorState className="h-full min-h-80" error={error} onRetry={again} />;
  // A page that cannot be loaded usually means that the server was upgraded under it.
  const stale = /import|fetch|load/i.test(message);
  return (
    <EmptyState
      className="h-full min-h-80"
      icon={<RotateCw size={18} />}
      title={stale ? "This page has a newer version" : "This page broke"}
      action={<Button weight="primary" onClick={() => (stale ? location.reload() : again())}>{stale ? "Load it" : "Try again"}</Button>}
    >
      {stale ? "The server was upgraded since this tab was opened." : message}
    </EmptyState>
  );
}

export function NotFound() {
  useTitle("No such page");
  return (
    <div className="h-full overflow-y-auto">
      <EmptyState heading className="h-full min-h-80" icon={<Compass size={18} />} title="There is no such page" action={<Link to="/" className={buttonClass("primary")}>Go to the overview</Link>}>
        The address may have been mistyped, or what it showed was deleted.
      </EmptyState>
    </div>
  );
}
