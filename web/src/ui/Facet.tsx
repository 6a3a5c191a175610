// A filter as a button: what it filters, what is chosen, and a list to choose from.
import { useState, type ReactNode } from "react";
import { Check, ChevronDown, X } from "lucide-react";
import { cx } from "@/lib/format";
import { Popover } from "./Popover";
import { Skeleton } from "./States";

export interface FacetOption {
  value: string;
  label: ReactNode;
  /** What searching looks at, where the label is not text. */
  text?: string;
}

interface FacetProps {
  name: string;
  icon?: ReactNode;
  chosen: readonly string[];
  /** What the button says of the choice. */
  shown?: string;
  multiple?: boolean;
  options: readonly FacetOption[] | undefined;
  onOpen?: () => void;
  onChange: (chosen: string[]) => void;
  /** Accepts words that are not on the list (tags). */
  free?: boolean;
  /** Another way to choose, below the list. */
  below?: (close: () => void) => ReactNode;
}

/** Lists longer than this get a search box. */
const SEARCH_FROM = 8;

export function Facet({ name, icon, chosen, shown, multiple, options, onOpen, onChange, free, below }: FacetProps) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const on = chosen.length > 0;
  const words = shown ?? (chosen.length > 2 ? `${chosen.length} chosen` : chosen.join(", "));
  const want = text.trim().toLowerCase();
  const fitting = options?.filter((o) => !want || (o.text ?? String(o.label)).toLowerCase().includes(want));
  const choose = (value: string) => {
    if (multiple) return onChange(chosen.includes(value) ? chosen.filter((c) => c !== value) : [...chosen, value]);
    onChange(chosen.includes(value) ? [] : [value]);
    setOpen(false);
  };
  return (
    <span className={cx("inline-flex h-8 shrink-0 items-stretch overflow-hidden rounded-md border bg-surface text-sm", on ? "border-line-strong" : "border-dashed border-line-strong")}>
      <Popover
        label={name}
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          setText("");
          if (next) onOpen?.();
        }}
        trigger={
          <button type="button" className="inline-flex max-w-72 items-center gap-1.5 px-2.5 text-muted hover:bg-hover hover:text-fg focus-visible:-outline-offset-2">
            {icon}
            {name}
            {on ? <span className="truncate font-medium text-fg">{words}</span> : <ChevronDown size={13} aria-hidden />}
          </button>
        }
        className={cx("p-1", below ? "w-72" : "w-60")}
      >
        {(free || (options?.length ?? 0) >= SEARCH_FROM) && (
          <input
            autoFocus
            aria-label={`Find ${name.toLowerCase()}`}
            placeholder={free ? `Type a ${name.toLowerCase()}, Enter` : "Find…"}
            value={text}
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => {
              if (e.key !== "Enter") return;
              const first = fitting?.[0]?.value ?? (free ? text.trim() : undefined);
              const pick = free && text.trim() ? text.trim() : first;
              if (pick) choose(pick);
            }}
            className="mb-1 h-8 w-full rounded-md border border-line bg-surface px-2 text-sm outline-offset-0"
          />
        )}
        <div role="listbox" aria-label={name} aria-multiselectable={multiple} className="max-h-[min(26rem,60dvh)] overflow-auto">
          {fitting?.map((option) => {
            const picked = chosen.includes(option.value);
            return (
              <button key={option.value} type="button" role="option" aria-selected={picked} onClick={() => choose(option.value)} className="flex h-8 w-full items-center gap-2 rounded-sm px-2 text-left text-sm hover:bg-hover focus-visible:-outline-offset-2">
                <span className={cx("grid size-4 shrink-0 place-items-center", multiple && "rounded-sm border border-control", picked && multiple && "border-transparent bg-accent-solid text-on-accent")}>
                  {picked && <Check size={12} strokeWidth={3} aria-hidden />}
                </span>
                <span className="truncate">{option.label}</span>
              </button>
            );
          })}
        </div>
        {!options && !free && [0, 1, 2].map((i) => <p key={i} className="px-2 py-1.5"><Skeleton className="h-4 w-32" /></p>)}
        {fitting?.length === 0 && !free && !below && <p className="px-2 py-3 text-center text-xs text-muted">Nothing is called that</p>}
        {below && <div className="mt-1 border-t border-line pt-1">{below(() => setOpen(false))}</div>}
      </Popover>
      {on && (
        <button type="button" aria-label={`Clear ${name.toLowerCase()}`} onClick={() => onChange([])} className="border-l border-line px-1.5 text-muted hover:bg-hover hover:text-fg focus-visible:-outline-offset-2">
          <X size={13} />
        </button>
      )}
    </span>
  );
}
