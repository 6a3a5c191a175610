// Values of any shape, readable and copyable; the largest are cut, not drawn.
import { useMemo } from "react";
import type { Json } from "@/api";
import { formatBytes } from "@/lib/format";
import { Copyable } from "./Copyable";

/** More text than this would freeze the page; it can still be copied whole. */
const MOST_SHOWN = 60_000;

/** A value as indented text. */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  const text = useMemo(() => JSON.stringify(value, null, 2) ?? "null", [value]);
  const cut = text.length > MOST_SHOWN;
  return (
    <div className="relative min-w-0">
      <pre tabIndex={0} aria-label={label} className="max-h-[420px] overflow-auto rounded-md border border-line bg-sunken p-3 text-xs leading-[18px] whitespace-pre-wrap [overflow-wrap:anywhere]">
        {cut ? text.slice(0, MOST_SHOWN) : text}
      </pre>
      {cut && <p className="mt-1 text-xs text-muted">The first {formatBytes(MOST_SHOWN)} of {formatBytes(text.length)} are shown.</p>}
      <span className="absolute top-2 right-2 rounded-sm bg-sunken px-1"><Copyable text={text} shown="Copy" label={`${label}:`} /></span>
    </div>
  );
}

/** A flat object as a list of names and values; nested values as JSON. */
export function ValueTable({ values, label }: { values: Record<string, Json>; label: string }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return <p className="text-sm text-muted">None.</p>;
  return (
    <dl aria-label={label} className="divide-y divide-line overflow-hidden rounded-md border border-line">
      {entries.map(([name, value]) => {
        const simple = value === null || typeof value !== "object";
        const text = simple ? String(value) : JSON.stringify(value, null, 2);
        return (
          <div key={name} className="grid gap-x-4 px-3 py-1.5 sm:grid-cols-[180px_1fr]">
            <dt className="truncate font-mono text-xs leading-5 text-muted" title={name}>{name}</dt>
            <dd className="max-h-60 min-w-0 overflow-auto font-mono text-xs leading-5 whitespace-pre-wrap [overflow-wrap:anywhere]">{text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}… (${formatBytes(text.length)})` : text}</dd>
          </div>
        );
      })}
    </dl>
  );
}
