// A name that may be too long: cut in its middle, because long names often differ at their end; whole on hover.
import { cx } from "@/lib/format";

/** Letters of the end that always show. */
const TAIL = 9;
/** Shorter names are cut at their end where they must be. */
const LONG = 24;

/** Both parts stand in the text one after the other, so that it is read, found and copied as one word. */
export function Middle({ text, className }: { text: string; className?: string }) {
  if (text.length < LONG) return <span title={text} className={cx("truncate", className)}>{text}</span>;
  return (
    <span title={text} className={cx("flex min-w-0 max-w-full whitespace-pre", className)}>
      <span className="truncate">{text.slice(0, -TAIL)}</span><span className="shrink-0">{text.slice(-TAIL)}</span>
    </span>
  );
}
