// What the viewer chose for this browser: theme, time zone; and the clock that relative times share.
import { createContext, useCallback, useContext, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { relativeTick, type Zone } from "./time";

export type Theme = "system" | "light" | "dark";

interface Preferences {
  theme: Theme;
  zone: Zone;
  setTheme: (theme: Theme) => void;
  setZone: (zone: Zone) => void;
}

const KEY = "baton.preferences";
const PreferencesContext = createContext<Preferences | null>(null);

function read(): { theme: Theme; zone: Zone } {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") as { theme?: Theme; zone?: Zone };
    return { theme: stored.theme ?? "system", zone: stored.zone ?? "local" };
  } catch {
    return { theme: "system", zone: "local" };
  }
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [chosen, setChosen] = useState(read);
  useEffect(() => {
    if (chosen.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen.theme;
    try {
      localStorage.setItem(KEY, JSON.stringify(chosen));
    } catch {
      /* Without storage the choice lasts as long as the page. */
    }
  }, [chosen]);
  const setTheme = useCallback((theme: Theme) => setChosen((old) => ({ ...old, theme })), []);
  const setZone = useCallback((zone: Zone) => setChosen((old) => ({ ...old, zone })), []);
  const value = useMemo(() => ({ ...chosen, setTheme, setZone }), [chosen, setTheme, setZone]);
  return <PreferencesContext.Provider value={value}>{children}</PreferencesContext.Provider>;
}

export function usePreferences(): Preferences {
  const value = useContext(PreferencesContext);
  if (!value) throw new Error("usePreferences needs its provider");
  return value;
}

const dark = () => typeof matchMedia !== "undefined" && matchMedia("(prefers-color-scheme: dark)").matches;

/** The theme that is painted now; charts need it because canvases do not follow CSS. */
export function usePaintedTheme(): "light" | "dark" {
  const { theme } = usePreferences();
  const system = useSyncExternalStore(
    (changed) => {
      const query = matchMedia("(prefers-color-scheme: dark)");
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    dark,
  );
  return theme === "system" ? (system ? "dark" : "light") : theme;
}

/** One timer for all of a kind, so that a thousand relative times cost one wake-up. */
const listeners = new Map<number, { timer: ReturnType<typeof setInterval>; calls: Set<() => void> }>();

function every(period: number, changed: () => void): () => void {
  let entry = listeners.get(period);
  if (!entry) {
    const calls = new Set<() => void>();
    entry = { calls, timer: setInterval(() => calls.forEach((call) => call()), period) };
    listeners.set(period, entry);
  }
  entry.calls.add(changed);
  const held = entry;
  return () => {
    held.calls.delete(changed);
    if (held.calls.size === 0) {
      clearInterval(held.timer);
      listeners.delete(period);
    }
  };
}

/** Now, renewed every so many milliseconds; 0 stands still. */
export function useNow(period: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => (period > 0 ? every(period, () => setNow(Date.now())) : undefined), [period]);
  return now;
}

/** Now, renewed as often as the distance to an instant reads differently. */
export function useNowNear(at: number): number {
  const [period, setPeriod] = useState(() => relativeTick(at, Date.now()));
  const ticked = useNow(period);
  // What has just happened must not be measured by a clock that last ticked before it: it would stand in the future.
  const now = Math.max(ticked, Date.now());
  useEffect(() => setPeriod(relativeTick(at, Date.now())), [at, ticked]);
  return now;
}

const narrowQuery = "(max-width: 899px)";
const compactQuery = "(max-width: 639px)";
const useMedia = (query: string) =>
  useSyncExternalStore((changed) => {
    const media = matchMedia(query);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, () => matchMedia(query).matches);

/** Whether the sidebar gives way to a bar at the bottom. */
export const useNarrow = () => useMedia(narrowQuery);
/** Whether tables give way to cards. */
export const useCompact = () => useMedia(compactQuery);
