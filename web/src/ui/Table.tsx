// A table of rows without limit: virtual rows under a sticky header, driven by keyboard; cards where it is narrow.
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent, type ReactNode } from "react";
import { flexRender, getCoreRowModel, useReactTable, type ColumnDef, type RowData } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { cx } from "@/lib/format";
import { useCompact } from "@/lib/preferences";
import { Checkbox } from "./Choice";
import { SkeletonRows } from "./States";
import { TableRow } from "./TableRow";

declare module "@tanstack/react-table" {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface ColumnMeta<TData extends RowData, TValue> {
    /** A CSS grid track, such as `minmax(180px, 2fr)` or `96px`. */
    track?: string;
    align?: "right";
    /** Left out where the table is narrower than this many pixels. */
    from?: number;
  }
}

export interface DataTableProps<T> {
  label: string;
  rows: readonly T[];
  columns: ColumnDef<T, any>[];
  rowId: (row: T) => string;
  onOpen?: (row: T, newTab: boolean) => void;
  /** The same row where there is no room for columns. */
  card?: (row: T) => ReactNode;
  cardHeight?: number;
  rowHeight?: number;
  loading?: boolean;
  empty?: ReactNode;
  selection?: { ids: ReadonlySet<string>; onChange: (ids: Set<string>) => void };
  /** Called when the end comes near: fetch more. */
  onEnd?: () => void;
  /** Below the last row: the end of the list, or that more is coming. */
  footer?: ReactNode;
  className?: string;
}

export function DataTable<T>(props: DataTableProps<T>) {
  const { label, rows, columns, rowId, onOpen, card, cardHeight = 76, rowHeight = 36, loading, empty, selection, onEnd, footer, className } = props;
  const compact = useCompact() && Boolean(card);
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1200);
  const [focused, setFocused] = useState(0);
  const lastPicked = useRef<number | null>(null);
  // Keys may come faster than rows get their focus.
  const at = useRef(0);

  // Measured before the first paint, so that no column moves.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const shown = useMemo(() => columns.filter((c) => width >= (c.meta?.from ?? 0)), [columns, width]);
  const table = useReactTable({ data: rows as T[], columns: shown, getRowId: rowId, getCoreRowModel: getCoreRowModel() });
  const list = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (compact ? cardHeight : rowHeight),
    overscan: 12,
    getItemKey: (i) => list[i]?.id ?? i,
  });
  useEffect(() => virtual.measure(), [compact, virtual]);

  const items = virtual.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (list.length > 0 && lastIndex >= list.length - 20) onEnd?.();
  }, [lastIndex, list.length, onEnd]);

  const pick = (index: number, range: boolean) => {
    if (!selection) return;
    const ids = new Set(selection.ids);
    const from = range && lastPicked.current !== null ? Math.min(lastPicked.current, index) : index;
    const to = range && lastPicked.current !== null ? Math.max(lastPicked.current, index) : index;
    const id = list[index]?.id;
    const on = id !== undefined && !ids.has(id);
    for (let i = from; i <= to; i++) {
      const each = list[i]?.id;
      if (each === undefined) continue;
      if (on || range) ids.add(each);
      else ids.delete(each);
    }
    lastPicked.current = index;
    selection.onChange(ids);
  };

  const move = (to: number) => {
    const index = Math.max(0, Math.min(list.length - 1, to));
    at.current = index;
    setFocused(index);
    virtual.scrollToIndex(index);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true }));
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget) return;
    const index = Math.min(at.current, list.length - 1);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / rowHeight) - 2);
    const keys: Record<string, () => void> = {
      ArrowDown: () => move(index + 1), j: () => move(index + 1),
      ArrowUp: () => move(index - 1), k: () => move(index - 1),
      PageDown: () => move(index + page), PageUp: () => move(index - page),
      Home: () => move(0), End: () => move(list.length - 1),
      " ": () => pick(index, event.shiftKey), x: () => pick(index, event.shiftKey),
      Enter: () => { const row = list[index]; if (row) onOpen?.(row.original, event.ctrlKey || event.metaKey); },
    };
    const action = keys[event.key];
    if (!action || (event.key !== "Enter" && (event.ctrlKey || event.metaKey || event.altKey))) return;
    event.preventDefault();
    action();
  };

  const tracks = [selection ? "calc(var(--edge) + 24px)" : "", ...shown.map((c) => c.meta?.track ?? "minmax(96px, 1fr)")].filter(Boolean).join(" ");
  const grid: CSSProperties = { display: "grid", gridTemplateColumns: tracks };
  const latest = useRef({ pick, onKeyDown, onOpen });
  latest.current = { pick, onKeyDown, onOpen };
  const [does] = useState(() => ({
    focus: (index: number) => {
      at.current = index;
      setFocused(index);
    },
    pick: (index: number, range: boolean) => latest.current.pick(index, range),
    key: (event: KeyboardEvent<HTMLElement>) => latest.current.onKeyDown(event),
    open: (row: T, newTab: boolean) => latest.current.onOpen?.(row, newTab),
  }));
  const allPicked = selection && list.length > 0 && list.every((row) => selection.ids.has(row.id));
  const somePicked = selection && !allPicked && list.some((row) => selection.ids.has(row.id));

  return (
    <div ref={scroller} className={cx("relative min-h-0 flex-1 overflow-auto", className)}>
      <div role="grid" aria-label={label} aria-rowcount={list.length + 1} aria-busy={loading || undefined} className="min-w-full">
        <div role="row" aria-rowindex={1} style={compact ? undefined : grid} className={cx("sticky top-0 z-10 border-b border-line bg-surface", compact && "sr-only")}>
          {selection && (
            <div role="columnheader" className="flex items-center pl-(--edge)">
              <Checkbox label="Select all shown" checked={allPicked ? true : somePicked ? "indeterminate" : false} onChange={(on) => selection.onChange(on ? new Set(list.map((r) => r.id)) : new Set())} />
            </div>
          )}
          {table.getFlatHeaders().map((header) => (
            <div key={header.id} role="columnheader" className={cx("flex h-8 items-center truncate px-2 text-xs font-medium text-muted first:pl-(--edge) last:pr-(--edge)", header.column.columnDef.meta?.align === "right" && "justify-end")}>
              {flexRender(header.column.columnDef.header, header.getContext())}
            </div>
          ))}
        </div>
        {loading && list.length === 0 ? (
          <div role="row"><div role="gridcell"><SkeletonRows rows={12} height={compact ? cardHeight : rowHeight} /></div></div>
        ) : (
          <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = list[item.index];
              if (!row) return null;
              return (
                <TableRow
                  key={row.id}
                  row={row}
                  value={row.original}
                  columns={shown}
                  index={item.index}
                  start={item.start}
                  size={item.size}
                  tracks={compact ? null : tracks}
                  picked={selection ? (selection.ids.has(row.id) ? "yes" : "no") : null}
                  reachable={item.index === Math.min(focused, list.length - 1)}
                  card={compact ? card : undefined}
                  does={does}
                />
              );
            })}
          </div>
        )}
      </div>
      {!loading && list.length === 0 && empty}
      {list.length > 0 && footer}
    </div>
  );
}
