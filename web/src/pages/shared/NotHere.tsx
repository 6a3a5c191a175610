// In place of the page of one thing: that it is gone, or what kept the server from giving it.
import { Link } from "@tanstack/react-router";
import { Unlink } from "lucide-react";
import { ApiError } from "@/api";
import { capitalised } from "@/lib/format";
import { PLACES } from "@/shell/navigation";
import { buttonClass, EmptyState, ErrorState, Page } from "@/ui";

const KINDS = {
  run: { to: "/runs", all: "All runs", why: "It was deleted, by a person or by the retention of old runs, or the link is mistyped." },
  flow: { to: "/flows", all: "All flows", why: "It was deleted, or the link is mistyped." },
  deployment: { to: "/deployments", all: "All deployments", why: "It was deleted, or the link is mistyped. The runs that it made are kept." },
  robot: { to: "/robots", all: "All robots", why: "It was deleted, or the link is mistyped. The history of its runs is kept." },
  "work queue": { to: "/queues", all: "All work queues", why: "It was deleted, or the link is mistyped." },
} as const;

interface NotHereProps {
  kind: keyof typeof KINDS;
  error: Error;
  onRetry: () => void;
}

export function NotHere({ kind, error, onRetry }: NotHereProps) {
  const { to, all, why } = KINDS[kind];
  const place = PLACES.find((p) => p.to === to);
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <Page title={capitalised(kind)} crumbs={<Link to={to} className="hover:underline">{place?.name}</Link>}>
      {gone ? <EmptyState className="min-h-80" icon={<Unlink size={18} />} title={`This ${kind} is not here`} action={<Link to={to} className={buttonClass("primary")}>{all}</Link>}>{why}</EmptyState> : <ErrorState error={error} onRetry={onRetry} />}
    </Page>
  );
}

/** What was shown is not true any more: it is gone, or may not be seen. */
export const isGone = (error: Error | null): error is ApiError => error instanceof ApiError && error.gone;
