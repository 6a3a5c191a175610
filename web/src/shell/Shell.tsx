// The frame around all pages: places at the side (or below), the bar on top, the keyboard.
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { LiveProvider } from "@/live/Live";
import { cx, formatCount } from "@/lib/format";
import { useNarrow } from "@/lib/preferences";
import { ServerProvider } from "@/lib/server";
import { StateIcon } from "@/ui/Status";
import { BottomBar } from "./BottomBar";
import { TopBar } from "./TopBar";
import { usePlaces } from "./session";
import { firstRow, useShortcuts } from "./useShortcuts";

// Both open on request, so they are no part of what a page waits for.
const loadPalette = () => import("./Palette");
const Palette = lazy(() => loadPalette().then((m) => ({ default: m.Palette })));
const Help = lazy(() => import("./Help").then((m) => ({ default: m.Help })));

export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="var(--accent-solid)" />
      <path d="M9 23 22.2 9.8" stroke="#fff" strokeWidth="4.5" strokeLinecap="round" />
      <circle cx="9.4" cy="9.6" r="2.6" fill="#fff" opacity=".55" />
      <circle cx="22.6" cy="22.4" r="2.6" fill="#fff" opacity=".55" />
    </svg>
  );
}

const COUNT = "inline-flex h-6 min-w-6 items-center justify-center gap-1 rounded-sm px-1 text-xs hover:bg-hover";

/** Beside the place of runs: how many run, and how many should. */
function RunCounts() {
  const states = useQuery(q.states());
  const running = states.data?.items.find((s) => s.state === "running")?.count ?? 0;
  const late = states.data?.late ?? 0;
  return (
    <span className="absolute top-1 right-1.5 flex items-center">
      {late > 0 && (
        <Link to="/runs" search={{ late: "true" }} className={cx(COUNT, "text-late")} aria-label={`${late} late`}>
          <StateIcon state="late" size={12} />{late >= 1000 ? "1k+" : late}
        </Link>
      )}
      {running > 0 && (
        <Link to="/runs" search={{ state: "running" }} className={cx(COUNT, "text-running")} aria-label={`${running} running`}>
          <StateIcon state="running" size={12} />{formatCount(running)}
        </Link>
      )}
    </span>
  );
}

function Sidebar() {
  const places = usePlaces();
  return (
    <nav aria-label="Places" className="flex w-[208px] shrink-0 flex-col border-r border-line bg-sunken">
      <Link to="/" className="flex h-12 items-center gap-2.5 px-4 text-lg font-semibold tracking-[-0.01em]">
        <Mark /> Baton
      </Link>
      <ul className="flex flex-1 flex-col gap-0.5 px-2 pt-1">
        {places.map((place) => (
          <li key={place.to} className={cx("relative", place.to === "/settings" && "mt-auto mb-2")}>
            <Link
              to={place.to}
              activeOptions={{ exact: place.to === "/" }}
              className="flex h-8 items-center gap-2.5 rounded-md px-2 text-sm font-medium text-muted hover:bg-hover hover:text-fg data-[status=active]:bg-surface data-[status=active]:text-fg data-[status=active]:shadow-card data-[status=active]:ring-1 data-[status=active]:ring-line [&[data-status=active]_svg]:text-accent"
            >
              <place.icon size={16} strokeWidth={2} aria-hidden />
              <span className="flex-1">{place.name}</span>
            </Link>
            {place.to === "/runs" && <RunCounts />}
          </li>
        ))}
      </ul>
    </nav>
  );
}

const SKIP = "sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-60 focus:rounded-md focus:bg-raised focus:px-3 focus:py-2";

/** The first stops of the tab key: past the bars, and where there is a table straight into it. */
function SkipLinks() {
  const [hasTable, setHasTable] = useState(false);
  return (
    <>
      <a href="#content" onFocus={() => setHasTable(firstRow() !== null)} className={SKIP}>Skip to the content</a>
      {hasTable && <a href="#content" onClick={(e) => { e.preventDefault(); firstRow()?.focus(); }} className={SKIP}>Skip to the table</a>}
    </>
  );
}

/** The palette is fetched when the page itself has been. */
const PALETTE_AFTER = 250;

export function Shell() {
  const narrow = useNarrow();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  // Once there they stay, so that they close in their own way.
  const seen = useRef({ palette: false, help: false });
  const asked = (seen.current = { palette: seen.current.palette || palette, help: seen.current.help || help });
  // Who presses the keys of the palette types on at once: it is there by then.
  useEffect(() => {
    const timer = setTimeout(() => void loadPalette().catch(() => undefined), PALETTE_AFTER);
    return () => clearTimeout(timer);
  }, []);
  const path = useRouterState({ select: (s) => s.location.pathname });
  useShortcuts({ openPalette: () => setPalette(true), openHelp: () => setHelp(true) });
  return (
    <LiveProvider>
      <ServerProvider>
      <SkipLinks />
      <div className="flex h-dvh min-h-0">
        {!narrow && <Sidebar />}
        <div className="flex min-w-0 flex-1 flex-col">
          <TopBar narrow={narrow} onSearch={() => setPalette(true)} onHelp={() => setHelp(true)} />
          <main id="content" key={path.split("/")[1]} tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
            <Outlet />
          </main>
          {narrow && <BottomBar />}
        </div>
      </div>
      <Suspense fallback={null}>
        {asked.palette && <Palette open={palette} onOpenChange={setPalette} onHelp={() => setHelp(true)} />}
        {asked.help && <Help open={help} onOpenChange={setHelp} />}
      </Suspense>
      </ServerProvider>
    </LiveProvider>
  );
}
