// The tree of flows: folders or tags that open and close, driven by mouse or keyboard, with a search above.
import { useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronRight, Folder, FolderOpen, Tag, Workflow } from "lucide-react";
import type { Flow } from "@/api";
import { fittingFlows, folderTree, tagTree, visibleRows, type TreeRow } from "@/lib/flowTree";
import { cx } from "@/lib/format";
import { EmptyState, Middle, SearchInput, Segmented, SkeletonRows } from "@/ui";

interface TreePanelProps {
  flows: readonly Flow[];
  loading: boolean;
  chosen?: string;
  by: "folders" | "tags";
  words: string;
  /** Search parameters that links carry on. */
  keep: Record<string, string>;
  /** How the flow does, where no table beside the tree says it. */
  health?: (flow: Flow) => ReactNode;
  onWords: (words: string) => void;
  onBy: (by: "folders" | "tags") => void;
}

const ROW = 30;
const NONE: ReadonlySet<string> = new Set();

function Group({ row, by, onToggle }: { row: Extract<TreeRow, { kind: "group" }>; by: "folders" | "tags"; onToggle: () => void }) {
  const Icon = by === "tags" ? Tag : row.open ? FolderOpen : Folder;
  return (
    <button type="button" tabIndex={-1} onClick={onToggle} className="flex h-full w-full min-w-0 items-center gap-1.5 rounded-md pr-2 text-left text-sm font-medium text-muted hover:bg-hover hover:text-fg" style={{ paddingLeft: 8 + row.depth * 16 }}>
      <ChevronRight size={14} className={cx("shrink-0 transition-transform", row.open && "rotate-90")} aria-hidden />
      <Icon size={14} className="shrink-0" aria-hidden />
      <span className="truncate">{row.node.name}</span>
      <span className="ml-auto text-xs font-normal text-faint">{row.node.count}</span>
    </button>
  );
}

export function TreePanel({ flows, loading, chosen, by, words, keep, health, onWords, onBy }: TreePanelProps) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(NONE);
  const [focus, setFocus] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const fitting = fittingFlows(flows, words);
  const rows = visibleRows(by === "tags" ? tagTree(fitting) : folderTree(fitting), words ? NONE : closed);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 20, getItemKey: (i) => rows[i]?.key ?? i });
  const toggle = (path: string, open?: boolean) =>
    setClosed((old) => {
      const next = new Set(old);
      if (open ?? next.has(path)) next.delete(path);
      else next.add(path);
      return next;
    });
  const go = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    setFocus(index);
    virtual.scrollToIndex(index);
    const row = () => scroller.current?.querySelector<HTMLElement>(`[data-row="${index}"]`);
    if (row()) row()?.focus();
    else requestAnimationFrame(() => row()?.focus());
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>, index: number) => {
    const row = rows[index];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(index + 1), ArrowUp: () => go(index - 1), Home: () => go(0), End: () => go(rows.length - 1),
      ArrowRight: () => (row.kind === "group" && !row.open ? toggle(row.node.path, true) : go(index + 1)),
      ArrowLeft: () => (row.kind === "group" && row.open ? toggle(row.node.path, false) : go(rows.findLastIndex((r, i) => i < index && r.kind === "group" && r.depth < row.depth))),
      Enter: () => (row.kind === "group" ? toggle(row.node.path) : event.currentTarget.querySelector("a")?.click()),
    };
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <>
      <div className="flex flex-col gap-2 px-3 pt-3 pb-2">
        <SearchInput label="Find a flow" value={words} onChange={onWords} className="w-full" />
        <Segmented label="Group by" value={by} onChange={onBy} options={[{ value: "folders", label: "Folders" }, { value: "tags", label: "Tags" }]} className="w-full [&>button]:flex-1 [&>button]:justify-center" />
      </div>
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto px-2 pb-4">
        {loading ? <SkeletonRows rows={8} height={ROW} /> : rows.length === 0 ? <EmptyState title="No flow fits" className="py-8">Nothing is called that.</EmptyState> : (
          <div role="tree" aria-label={by === "tags" ? "Flows by tag" : "Flows by folder"} className="relative" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              if (!row) return null;
              const on = row.kind === "flow" && (row.flow.id === chosen || row.flow.name === chosen);
              return (
                <div
                  key={row.key}
                  role="treeitem"
                  aria-level={row.depth + 1}
                  aria-expanded={row.kind === "group" ? row.open : undefined}
                  aria-selected={on}
                  data-row={item.index}
                  tabIndex={item.index === Math.min(focus, rows.length - 1) ? 0 : -1}
                  onFocus={(e) => e.target === e.currentTarget && setFocus(item.index)}
                  onKeyDown={(e) => onKeyDown(e, item.index)}
                  className="absolute left-0 w-full rounded-md py-px -outline-offset-1!"
                  style={{ height: ROW, transform: `translateY(${item.start}px)` }}
                >
                  {row.kind === "group" ? <Group row={row} by={by} onToggle={() => toggle(row.node.path)} /> : (
                    <Link tabIndex={-1} to="/flows/$flow" params={{ flow: row.flow.id }} search={keep} title={row.flow.description} className={cx("flex h-full min-w-0 items-center gap-1.5 rounded-md pr-2 text-sm hover:bg-hover", on && "bg-selected font-medium hover:bg-selected")} style={{ paddingLeft: 10 + row.depth * 16 }}>
                      <Workflow size={14} className={cx("shrink-0", on ? "text-accent" : "text-faint")} aria-hidden />
                      <Middle text={row.flow.name} />
                      {health?.(row.flow)}
                      {row.flow.latest_version != null && <span className={cx(health ? "w-7 shrink-0 text-right text-2xs font-normal" : "ml-auto text-2xs font-normal", on ? "text-muted" : "text-faint")}>v{row.flow.latest_version}</span>}
                    </Link>
                  )}
                </div>
              );
            })}
          </div>
        )}
      </div>
    </>
  );
}
