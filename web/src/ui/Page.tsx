// The frame of a page: its title, what can be done, and its content; and the boxes that pages are made of.
import { useEffect, type ReactNode } from "react";
import { cx } from "@/lib/format";

interface PageProps {
  title: string;
  /** Beside the title: a count, a badge. */
  aside?: ReactNode;
  /** Above the title: where this stands. */
  crumbs?: ReactNode;
  actions?: ReactNode;
  /** The content fills the window and scrolls by itself (tables, logs). */
  fill?: boolean;
  children: ReactNode;
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Baton`;
  }, [title]);
}

export function Page({ title, aside, crumbs, actions, fill, children }: PageProps) {
  useTitle(title);
  return (
    <div className={cx("flex min-h-0 flex-1 flex-col", fill ? "overflow-hidden sm:[--edge:24px]" : "overflow-y-auto")}>
      <header className={cx("flex min-h-15 shrink-0 flex-wrap items-center gap-x-3 gap-y-2 px-4 pt-4 pb-3 sm:px-6", !fill && "mx-auto w-full max-w-[1440px]")}>
        <div className="min-w-0 flex-1 basis-48">
          {crumbs && <div className="mb-0.5 text-xs text-muted">{crumbs}</div>}
          <div className="flex min-w-0 items-center gap-3">
            <h1 className="truncate text-xl font-semibold tracking-[-0.01em]">{title}</h1>
            {aside}
          </div>
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {fill ? children : <div className="mx-auto w-full max-w-[1440px] flex-1 px-4 pb-8 sm:px-6">{children}</div>}
    </div>
  );
}

/** The look of a link at the head of a card, to all of what the card shows some of. */
export const CARD_LINK = "text-xs font-medium text-muted hover:text-fg hover:underline";

interface CardProps {
  title?: ReactNode;
  aside?: ReactNode;
  /** Without padding, for lists and tables. */
  flush?: boolean;
  className?: string;
  children: ReactNode;
}

export function Card({ title, aside, flush, className, children }: CardProps) {
  return (
    <section className={cx("flex min-w-0 flex-col rounded-lg border border-line bg-surface shadow-card [--edge:16px]", className)}>
      {(title || aside) && (
        <header className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 px-4 pt-2 pb-1">
          <h2 className="flex-1 text-sm font-semibold whitespace-nowrap">{title}</h2>
          {aside}
        </header>
      )}
      <div className={cx("min-h-0 flex-1", !flush && "px-4 pb-4", !flush && !(title || aside) && "pt-4")}>{children}</div>
    </section>
  );
}

/** A name and its value, in a list of facts. */
export function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div className="flex min-w-0 items-baseline gap-3 py-1">
      <dt className="w-32 shrink-0 text-xs text-muted">{name}</dt>
      <dd className="min-w-0 flex-1 text-sm break-words">{children}</dd>
    </div>
  );
}
