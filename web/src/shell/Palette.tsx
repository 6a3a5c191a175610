// The command palette: jump to a place, a run, a flow, a deployment, a robot; or do something.
import { Fragment, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Dialog } from "radix-ui";
import { Activity, Bot, CalendarRange, CircleQuestionMark, Moon, Plus, Search, Workflow } from "lucide-react";
import { q } from "@/api";
import { cx } from "@/lib/format";
import { rank, type Entry } from "@/lib/palette";
import { usePreferences } from "@/lib/preferences";
import { found } from "@/lib/runFilters";
import { useServer } from "@/lib/server";
import { shownState, STATE_WORDS, stateColor } from "@/lib/states";
import { Kbd } from "@/ui/Kbd";
import { StateIcon } from "@/ui/Status";
import { useMay, usePlaces } from "./session";

interface PaletteProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onHelp: () => void;
}

const MOST_SHOWN = 12;

export function Palette(props: PaletteProps) {
  return (
    <Dialog.Root open={props.open} onOpenChange={props.onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-overlay" />
        <Dialog.Content aria-describedby={undefined} className="fixed top-[10vh] left-1/2 z-50 w-[min(620px,94vw)] -translate-x-1/2 animate-pop overflow-hidden rounded-xl border border-line bg-raised shadow-pop outline-none">
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <PaletteBody {...props} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** A search looks into runs one by one: it waits until nobody has typed for a moment. */
const TYPING_MS = 150;

function useRested(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

function useEntries(text: string, close: () => void, onHelp: () => void): Entry[] {
  const navigate = useNavigate();
  const places = usePlaces();
  const admin = useMay("administer");
  const { theme, setTheme } = usePreferences();
  const { lateAfter } = useServer();
  const words = useDeferredValue(text.trim());
  const flows = useQuery({ ...q.flows(), staleTime: 60_000 });
  const deployments = useQuery({ ...q.deployments(), staleTime: 60_000 });
  const robots = useQuery(q.robots());
  const runs = useQuery({ ...q.runs({ ...found(useRested(words)), limit: 6 }), placeholderData: keepPreviousData });
  return useMemo(() => {
    const go = (to: string) => () => {
      close();
      void navigate({ href: to } as never);
    };
    const fixed: Entry[] = [
      ...places.map((p) => ({ id: `p${p.to}`, group: "Go to", name: p.name, keys: ["g", p.key], icon: p.icon, run: go(p.to) })),
      ...(admin ? [{ id: "add", group: "Do", name: "Add a robot", icon: Plus, run: go("/robots/add") }] : []),
      { id: "late", group: "Go to", name: "Late runs", icon: Activity, run: go("/runs?late=true") },
      { id: "failed", group: "Go to", name: "Failed runs", icon: Activity, run: go("/runs?state=failed,timed_out,crashed") },
      { id: "theme", group: "Do", name: theme === "dark" ? "Light theme" : "Dark theme", icon: Moon, run: () => { setTheme(theme === "dark" ? "light" : "dark"); close(); } },
      { id: "help", group: "Do", name: "Keys and states", keys: ["?"], icon: CircleQuestionMark, run: () => { close(); onHelp(); } },
    ];
    const things: Entry[] = [
      ...(flows.data?.items ?? []).map((f) => ({ id: f.id, group: "Flows", name: f.name, hint: f.folder, icon: Workflow, run: go(`/flows/${f.id}`) })),
      ...(deployments.data?.items ?? []).map((d) => ({ id: d.id, group: "Deployments", name: d.full_name, icon: CalendarRange, run: go(`/deployments/${d.id}`) })),
      ...(robots.data?.items ?? []).map((r) => ({ id: r.id, group: "Robots", name: r.name, hint: r.offer.computer, icon: Bot, run: go(`/robots/${r.id}`) })),
    ];
    const hits = (runs.data?.items ?? []).map((r) => ({ id: r.id, group: "Runs", name: r.name, hint: r.flow_name, icon: Activity, state: shownState(r, Date.now(), lateAfter), run: go(`/runs/${r.id}`) }));
    if (!words) return [...fixed.slice(0, places.length), ...hits.slice(0, 3)];
    return [...rank([...fixed, ...things], words).slice(0, MOST_SHOWN - 4), ...hits.slice(0, 4)];
  }, [words, flows.data, deployments.data, robots.data, runs.data, admin, places, theme, setTheme, lateAfter, navigate, close, onHelp]);
}

function PaletteBody({ onOpenChange, onHelp }: PaletteProps) {
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const close = useMemo(() => () => onOpenChange(false), [onOpenChange]);
  const entries = useEntries(text, close, onHelp);
  useEffect(() => setActive(0), [text]);
  const current = Math.min(active, entries.length - 1);
  const move = (to: number) => {
    const index = (to + entries.length) % Math.max(1, entries.length);
    setActive(index);
    list.current?.querySelector(`[data-at="${index}"]`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <>
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Search size={16} className="text-muted" aria-hidden />
        <input
          autoFocus
          role="combobox"
          aria-expanded
          aria-controls="palette-list"
          aria-activedescendant={entries[current] ? `palette-${current}` : undefined}
          aria-label="Search and commands"
          placeholder="Search runs, flows, robots, or jump to…"
          value={text}
          onChange={(e) => setText(e.target.value)}
          onKeyDown={(e) => {
            if (e.key === "ArrowDown") move(current + 1);
            else if (e.key === "ArrowUp") move(current - 1);
            else if (e.key === "Enter") entries[current]?.run();
            else return;
            e.preventDefault();
          }}
          className="h-12 flex-1 bg-transparent text-base outline-none"
        />
        <Kbd>Esc</Kbd>
      </div>
      <ul ref={list} id="palette-list" role="listbox" aria-label="Results" className="max-h-[60vh] overflow-auto p-1.5">
        {entries.length === 0 && <li role="option" aria-selected={false} aria-disabled className="px-3 py-6 text-center text-sm text-muted">Nothing is called that. Runs are found by the beginning of their name or id.</li>}
        {entries.map((entry, i) => (
          <Fragment key={entry.id}>
          {!text.trim() && entry.group !== entries[i - 1]?.group && <li role="presentation" className="px-2.5 pt-2 pb-1 text-2xs font-medium text-faint">{entry.group === "Runs" ? "Latest runs" : entry.group}</li>}
          <li
            id={`palette-${i}`}
            data-at={i}
            role="option"
            aria-selected={i === current}
            onPointerMove={() => setActive(i)}
            onClick={() => entry.run()}
            className={cx("flex h-9 cursor-default items-center gap-2.5 rounded-md px-2.5 text-sm", i === current && "bg-hover")}
          >
            {entry.state ? <span style={{ color: stateColor(entry.state) }} className="inline-flex shrink-0"><StateIcon state={entry.state} size={15} /><span className="sr-only">{STATE_WORDS[entry.state]}</span></span> : <entry.icon size={15} className="shrink-0 text-muted" aria-hidden />}
            <span className="truncate">{entry.name}</span>
            {entry.hint && <span className="truncate text-xs text-muted">{entry.hint}</span>}
            <span className="ml-auto flex shrink-0 gap-0.5 text-xs text-muted">{entry.keys ? entry.keys.map((key) => <Kbd key={key}>{key}</Kbd>) : text.trim() && entry.group}</span>
          </li>
          </Fragment>
        ))}
      </ul>
    </>
  );
}
