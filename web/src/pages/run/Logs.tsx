// The log of an attempt: live, virtual, searched and filtered by the server, linkable line by line.
import { useCallback, useEffect, useRef, useState } from "react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine, ArrowDownWideNarrow, ArrowUpNarrowWide, Download, Palette as PaletteIcon, ScrollText, SlidersHorizontal, WrapText } from "lucide-react";
import type { LogEntry, LogLevel, Run, TaskRun } from "@/api";
import { cx, formatCount, plural } from "@/lib/format";
import { isFilter, MOST_FILTERED } from "@/lib/logStore";
import type { Search } from "@/lib/search";
import { useNarrow } from "@/lib/preferences";
import { isTerminal } from "@/lib/states";
import { Button, copyText, EmptyState, ErrorState, IconButton, Menu, MenuChoice, MenuItem, MenuLabel, MenuLine, SearchInput, Select, Skeleton, useToasts, useZone } from "@/ui";
import { LogLine } from "./LogLine";
import { downloadLog, useLogs } from "./useLogs";

const LEVELS: [LogLevel | "", string][] = [["", "All levels"], ["info", "Info and above"], ["warning", "Warnings and above"], ["error", "Errors"], ["critical", "Critical only"]];
/** Closer to the end than this counts as being there. */
const NEAR_END = 40;
/** A longer key of a task is cut: the line itself needs the room. */
const MOST_TASK_LETTERS = 24;

export function Logs({ run, attempt, tasks }: { run: Run; attempt: number; tasks: readonly TaskRun[] }) {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const toasts = useToasts();
  const zone = useZone();
  const narrow = useNarrow();
  const [text, setText] = useState(search.find ?? "");
  // Where a line is wider than the screen its end is what one came for.
  const [wrap, setWrap] = useState(narrow);
  const [ansi, setAnsi] = useState(true);
  const newestFirst = search.order === "newest";
  const set = useCallback((patch: Search) => void navigate({ to: "/runs/$run", params: { run: run.id }, search: ((old: Search) => ({ ...old, ...patch })) as never, replace: true }), [navigate, run.id]);
  useEffect(() => {
    const timer = setTimeout(() => text !== (search.find ?? "") && set({ find: text }), 250);
    return () => clearTimeout(timer);
  }, [text, search.find, set]);

  const filter = { level: (search.level || undefined) as LogLevel | undefined, task: search.task || undefined, search: search.find || undefined };
  const current = attempt === run.attempt;
  const live = current && !isTerminal(run.state);
  const [wasLive] = useState(live);
  const store = useLogs(run.id, attempt, filter, wasLive && current);
  const scroller = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(live && !search.line && !newestFirst);
  const virtual = useVirtualizer({ count: store.count, getScrollElement: () => scroller.current, estimateSize: () => 20, overscan: 30 });
  useEffect(() => virtual.measure(), [wrap, virtual]);
  const index = useCallback((i: number) => (newestFirst ? store.count - 1 - i : i), [newestFirst, store.count]);

  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (store.count > 0) store.ensure(Math.min(index(first), index(last)), Math.max(index(first), index(last)));
  }, [store, first, last, index]);
  useEffect(() => {
    if (follow && store.count > 0) virtual.scrollToIndex(newestFirst ? 0 : store.count - 1, { align: newestFirst ? "start" : "end" });
  }, [follow, store.count, newestFirst, virtual]);

  const target = search.line?.startsWith(`${attempt}.`) ? Number(search.line.split(".")[1]) : undefined;
  const jumped = useRef(false);
  const lastTop = useRef(0);
  useEffect(() => {
    if (jumped.current || store.loading || !target || isFilter(filter)) return;
    jumped.current = true;
    virtual.scrollToIndex(index(target - 1), { align: "center" });
  }, [store.loading, target]);

  const onLink = useCallback(
    (line: LogEntry) => {
      set({ line: `${line.attempt}.${line.seq}` });
      const url = new URL(location.href);
      url.searchParams.set("line", `${line.attempt}.${line.seq}`);
      void copyText(url.toString()).then((ok) => ok && toasts.done(`Link to line ${line.seq} copied`));
    },
    [set, toasts],
  );
  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    // Only a person scrolls away from the end; growing content does not.
    const away = newestFirst ? element.scrollTop > lastTop.current : element.scrollTop < lastTop.current;
    lastTop.current = element.scrollTop;
    const atEnd = newestFirst ? element.scrollTop < NEAR_END : element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    if (!live || atEnd === follow) return;
    if (atEnd) setFollow(true);
    else if (away) setFollow(false);
  };

  const shownTasks = items.map((item) => store.at(index(item.index))?.task?.length ?? 0);
  const taskLetters = shownTasks.some((n) => n > 0) ? Math.min(MOST_TASK_LETTERS, Math.max(...shownTasks, ...tasks.map((t) => t.key.length))) : 0;
  const toggle = (on: boolean) => cx(on && "bg-selected text-accent hover:bg-selected");
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex items-center gap-1.5 px-4 py-2 max-sm:flex-wrap sm:px-6">
        <SearchInput label="Search the log" value={text} onChange={setText} className="min-w-32 flex-1 sm:max-w-52" />
        <Select aria-label="Level" value={search.level ?? ""} onChange={(e) => set({ level: e.target.value })} className="shrink-0 max-sm:w-32">
          {LEVELS.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </Select>
        {tasks.length > 0 && !narrow && (
          <Select aria-label="Task" value={search.task ?? ""} onChange={(e) => set({ task: e.target.value })} className="max-w-48 min-w-0">
            <option value="">All tasks</option>
            {tasks.map((t) => <option key={t.key} value={t.key}>{t.name}</option>)}
          </Select>
        )}
        <span className="ml-auto shrink-0 pl-2 text-xs whitespace-nowrap text-faint max-sm:sr-only" role="status">{store.count > 0 && (isFilter(filter) ? `${formatCount(store.count)} found` : plural(store.count, "line"))}{store.cut && `, the first ${formatCount(MOST_FILTERED)}`}</span>
        {live && <Button size="sm" weight="quiet" aria-pressed={follow} icon={<ArrowDownToLine size={14} />} className={toggle(follow)} onClick={() => setFollow(!follow)}><span className="max-sm:sr-only">Follow</span></Button>}
        {narrow ? (
          <Menu trigger={<IconButton label="How the log is shown"><SlidersHorizontal size={15} /></IconButton>}>
            <MenuChoice checked={newestFirst} onSelect={() => set({ order: newestFirst ? "" : "newest" })}>Newest line first</MenuChoice>
            <MenuChoice checked={wrap} onSelect={() => setWrap(!wrap)}>Wrap long lines</MenuChoice>
            <MenuChoice checked={ansi} onSelect={() => setAnsi(!ansi)}>Colours of the program</MenuChoice>
            {tasks.length > 0 && (
              <>
                <MenuLabel>Lines of</MenuLabel>
                <MenuChoice checked={!search.task} onSelect={() => set({ task: "" })}>All tasks</MenuChoice>
                {tasks.map((t) => <MenuChoice key={t.key} checked={search.task === t.key} onSelect={() => set({ task: t.key })}>{t.name}</MenuChoice>)}
              </>
            )}
            <MenuLine />
            <MenuItem icon={<Download size={14} />} onSelect={() => downloadLog(run.id, run.name, attempt, filter)}>Download</MenuItem>
          </Menu>
        ) : (
          <span className="flex shrink-0 items-center gap-0.5">
            <IconButton label={newestFirst ? "Newest line first" : "Oldest line first"} onClick={() => set({ order: newestFirst ? "" : "newest" })}>{newestFirst ? <ArrowDownWideNarrow size={15} /> : <ArrowUpNarrowWide size={15} />}</IconButton>
            <IconButton label="Wrap long lines" aria-pressed={wrap} className={toggle(wrap)} onClick={() => setWrap(!wrap)}><WrapText size={15} /></IconButton>
            <IconButton label="Colours of the program" aria-pressed={ansi} className={toggle(ansi)} onClick={() => setAnsi(!ansi)}><PaletteIcon size={15} /></IconButton>
            <IconButton label="Download" onClick={() => downloadLog(run.id, run.name, attempt, filter)}><Download size={15} /></IconButton>
          </span>
        )}
      </div>
      <div ref={scroller} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={`Log of attempt ${attempt}`} className="min-h-0 flex-1 overflow-auto border-t border-line bg-surface py-2 -outline-offset-2!">
        {store.error !== null && store.count === 0 ? (
          <ErrorState error={store.error} onRetry={() => void store.start()} />
        ) : store.loading && store.count === 0 ? (
          <div role="status" aria-label="Loading" className="space-y-2.5 px-6 py-2">{[60, 82, 44, 70, 52, 90, 38].map((w, i) => <div key={i} style={{ width: `${w * 0.8}%` }}><Skeleton className="h-2.5 w-full" /></div>)}</div>
        ) : store.count === 0 ? (
          <EmptyState icon={<ScrollText size={18} />} title={isFilter(filter) ? "No line matches" : live ? "No line yet" : "It wrote nothing"}>
            {isFilter(filter) ? "Try another word, a lower level, or all tasks." : live ? "Lines appear here as the run writes them." : "Whatever a run writes to standard output and error appears here."}
          </EmptyState>
        ) : (
          <div className="relative w-full min-w-max" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const line = store.at(index(item.index));
              return (
                <div key={item.key} ref={wrap ? virtual.measureElement : undefined} data-index={item.index} className={cx("absolute top-0 left-0", wrap ? "w-[var(--log-width)]" : "min-w-full")} style={{ transform: `translateY(${item.start}px)`, "--log-width": `${(scroller.current?.clientWidth ?? 800)}px` } as React.CSSProperties}>
                  <LogLine line={line} zone={zone} ansi={ansi} wrap={wrap} search={filter.search ?? ""} marked={target !== undefined && line?.seq === target} taskLetters={taskLetters} onLink={onLink} />
                </div>
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}
