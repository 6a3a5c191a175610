// One row of a table; painted again only when what it shows has changed, however often the table is.
import { memo, type KeyboardEvent, type ReactNode } from "react";
import { flexRender, type ColumnDef, type Row } from "@tanstack/react-table";
import { cx } from "@/lib/format";
import { Checkbox } from "./Choice";

interface TableRowProps<T> {
  row: Row<T>;
  /** What it shows: the same object as long as nothing changed. */
  value: T;
  columns: readonly ColumnDef<T, any>[];
  index: number;
  start: number;
  size: number;
  /** The CSS grid of the columns; none where rows are cards. */
  tracks: string | null;
  /** None where nothing can be selected. */
  picked: "yes" | "no" | null;
  /** Whether the tab key stops here. */
  reachable: boolean;
  card: ((row: T) => ReactNode) | undefined;
  does: {
    focus: (index: number) => void;
    pick: (index: number, range: boolean) => void;
    key: (event: KeyboardEvent<HTMLElement>) => void;
    open: (row: T, newTab: boolean) => void;
  };
}

function Row<T>({ row, value, index, start, size, tracks, picked, reachable, card, does }: TableRowProps<T>) {
  return (
    <div
      role="row"
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={picked ? picked === "yes" : undefined}
      tabIndex={reachable ? 0 : -1}
      onFocus={(e) => e.target === e.currentTarget && does.focus(index)}
      onKeyDown={does.key}
      onClick={(e) => {
        if ((e.target as HTMLElement).closest("a,button,input,label")) return;
        if (e.shiftKey && picked) does.pick(index, true);
        else does.open(value, e.ctrlKey || e.metaKey);
      }}
      style={{ ...(tracks ? { display: "grid", gridTemplateColumns: tracks } : {}), height: size, transform: `translateY(${start}px)` }}
      className={cx("absolute top-0 left-0 w-full cursor-pointer border-b border-line -outline-offset-2! hover:bg-hover", picked === "yes" && "bg-selected hover:bg-selected")}
    >
      {card ? (
        <div role="gridcell" className="flex h-full min-w-0 flex-col justify-center px-(--edge)">{card(value)}</div>
      ) : (
        <>
          {picked && (
            <div role="gridcell" className="flex items-center pl-(--edge)">
              <Checkbox label="Select" checked={picked === "yes"} onChange={() => does.pick(index, false)} />
            </div>
          )}
          {row.getVisibleCells().map((cell) => (
            <div key={cell.id} role="gridcell" className={cx("flex min-w-0 items-center overflow-hidden px-2 first:pl-(--edge) last:pr-(--edge)", cell.column.columnDef.meta?.align === "right" && "justify-end text-right")}>
              {flexRender(cell.column.columnDef.cell, cell.getContext())}
            </div>
          ))}
        </>
      )}
    </div>
  );
}

/** `row` is made anew with every change of any row, so it does not count. */
const same = (a: TableRowProps<any>, b: TableRowProps<any>): boolean =>
  a.value === b.value && a.columns === b.columns && a.index === b.index && a.start === b.start && a.size === b.size && a.tracks === b.tracks && a.picked === b.picked && a.reachable === b.reachable && a.card === b.card;

export const TableRow = memo(Row, same) as typeof Row;
