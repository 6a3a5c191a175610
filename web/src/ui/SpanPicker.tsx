// The time range of a page: the last so many hours at one press, or a span of one's own.
import { lazy, Suspense, useState } from "react";
import { CalendarRange } from "lucide-react";
import { RANGES, type Range } from "@/lib/chart";
import { cx } from "@/lib/format";
import type { Search } from "@/lib/search";
import { spanLabel, withSpan, type Span } from "@/lib/span";
import { Segmented } from "./Choice";
import { Popover } from "./Popover";
import { useZone } from "./Time";

/** Fetched when it is opened: few do, and every first load would carry it. */
const SpanForm = lazy(() => import("./SpanForm").then((m) => ({ default: m.SpanForm })));

interface SpanPickerProps {
  span: Span;
  search: Search;
  onChange: (search: Search) => void;
  /** Stands for no word in the address. */
  usual?: Range;
}

export function SpanPicker({ span, search, onChange, usual = "24h" }: SpanPickerProps) {
  const zone = useZone();
  const [open, setOpen] = useState(false);
  const own = span.range === undefined;
  const pick = (from: number, until: number | null) => {
    setOpen(false);
    onChange(withSpan(search, { after: new Date(from).toISOString(), ...(until === null ? {} : { before: new Date(until).toISOString() }) }));
  };
  return (
    <div className="flex items-center gap-2">
      <Segmented<Range | ""> label="Time range" value={span.range ?? ""} onChange={(next) => onChange(withSpan(search, next && next !== usual ? { range: next } : {}))} options={RANGES.map((r) => ({ value: r, label: r, title: `The last ${r}` }))} />
      <Popover label="Span of time"
        open={open}
        onOpenChange={setOpen}
        align="end"
        className="w-72 p-1"
        trigger={
          <button type="button" aria-label="Choose from and to" title="Choose from and to" className={cx("inline-flex h-8 items-center gap-1.5 rounded-md border px-2 text-xs font-medium whitespace-nowrap hover:bg-hover", own ? "border-line-strong bg-surface text-fg" : "border-line bg-sunken text-muted hover:text-fg")}>
            <CalendarRange size={15} aria-hidden />
            {own && spanLabel(span.from * 1000, search.before ? span.until * 1000 : null, zone)}
          </button>
        }
      >
        <Suspense fallback={<div className="h-64" />}>
          <SpanForm key={String(open)} from={own ? span.from * 1000 : null} until={own && search.before ? span.until * 1000 : null} onPick={pick} />
        </Suspense>
      </Popover>
    </div>
  );
}
