// What a page shows instead of data: nothing yet, an error, or bones while it loads.
import type { ReactNode } from "react";
import { RotateCw, ServerOff, ShieldX, TriangleAlert } from "lucide-react";
import { ApiError } from "@/api";
import { cx } from "@/lib/format";
import { Button } from "./Button";
import { errorText } from "./Toast";

interface EmptyStateProps {
  icon?: ReactNode;
  title: string;
  /** The title is that of the page. */
  heading?: boolean;
  /** What to do next. */
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}

export function EmptyState({ icon, title, heading, children, action, className }: EmptyStateProps) {
  return (
    <div className={cx("flex flex-col items-center justify-center gap-1 px-6 py-12 text-center", className)}>
      {icon && <div className="mb-2 grid size-10 place-items-center rounded-full bg-sunken text-muted">{icon}</div>}
      {heading ? <h1 className="text-base font-medium">{title}</h1> : <p className="text-base font-medium">{title}</p>}
      {children && <div className="max-w-md text-sm text-muted">{children}</div>}
      {action && <div className="mt-3 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function ErrorState({ error, onRetry, className }: { error: unknown; onRetry?: () => void; className?: string }) {
  const api = error instanceof ApiError ? error : undefined;
  const [icon, title] =
    api?.status === 0 ? [<ServerOff key="i" size={18} />, "The server does not answer"]
    : api?.status === 403 ? [<ShieldX key="i" size={18} />, "Your role may not see this"]
    : api?.status === 404 ? [<TriangleAlert key="i" size={18} />, "It is not here"]
    : [<TriangleAlert key="i" size={18} />, "That did not work"];
  return (
    <EmptyState
      className={className}
      icon={icon}
      title={title}
      action={onRetry && <Button icon={<RotateCw size={14} />} onClick={onRetry}>Try again</Button>}
    >
      <span className="break-words">{errorText(error)}</span>
      {api && api.code !== "unreachable" && <span className="mt-1 block font-mono text-2xs text-faint">{api.code}</span>}
    </EmptyState>
  );
}

/** Why a form was refused, brought into view where it stands below the fold; the fields that are wrong say so themselves. */
export function Refusal({ error, title }: { error: unknown; title?: string }) {
  const api = error instanceof ApiError ? error : undefined;
  const fields = api?.problem?.errors ?? [];
  return (
    <section ref={(element) => void element?.scrollIntoView({ block: "nearest" })} role="alert" className="mt-4 flex items-start gap-2.5 rounded-md border border-line bg-sunken px-3 py-2.5 text-sm">
      <TriangleAlert size={15} className="mt-0.5 shrink-0 text-danger" aria-hidden />
      <div className="min-w-0">
        <p className="font-medium">{title ?? (api?.status === 0 ? "The server does not answer" : api?.status === 413 ? "It is too large" : "The server refused it")}</p>
        {fields.length > 1 ? (
          <ul className="mt-0.5 space-y-0.5 text-muted">{fields.slice(0, MOST_FIELDS).map((f) => <li key={f.field} className="break-words"><code>{f.field}</code> {f.message}</li>)}</ul>
        ) : (
          <p className="mt-0.5 break-words text-muted">{clipped(errorText(error))}</p>
        )}
      </div>
    </section>
  );
}

/** More would be no help. */
const MOST_FIELDS = 6;
const MOST_LETTERS = 400;
const clipped = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text);

export const Skeleton = ({ className }: { className?: string }) => <span aria-hidden className={cx("skeleton block", className ?? "h-4 w-24")} />;

/** Rows of bones in the shape of a table. */
export function SkeletonRows({ rows = 8, height = 36 }: { rows?: number; height?: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} style={{ height }} className="flex items-center gap-6 border-b border-line px-(--edge)">
          <Skeleton className="h-3 w-20" />
          <Skeleton className={cx("h-3", i % 3 === 0 ? "w-48" : i % 3 === 1 ? "w-36" : "w-56")} />
          <Skeleton className="ml-auto h-3 w-16" />
        </div>
      ))}
    </div>
  );
}
