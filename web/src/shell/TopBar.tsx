// The bar on top: search, whether events arrive, time zone, theme, help, who is signed in.
import { useNavigate } from "@tanstack/react-router";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleQuestionMark, Clock, LogOut, Monitor, Moon, Search, Sun, UserRound, Wifi, WifiOff } from "lucide-react";
import { api, q } from "@/api";
import { useLive } from "@/live/Live";
import { useNow, usePreferences, type Theme } from "@/lib/preferences";
import { formatDuration, type Zone } from "@/lib/time";
import { IconButton } from "@/ui/Button";
import { Kbd } from "@/ui/Kbd";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from "@/ui/Menu";
import { Tooltip } from "@/ui/Tooltip";
import { Mark } from "./Shell";
import { useSession } from "./session";

function ConnectionLight() {
  const { connection, since } = useLive();
  const broken = connection === "broken";
  const now = useNow(broken ? 1000 : 0);
  if (broken)
    return (
      <span role="status" className="inline-flex h-7 items-center gap-1.5 rounded-full border border-line bg-surface px-2.5 text-xs font-medium text-late">
        <WifiOff size={14} aria-hidden /> Reconnecting<span className="max-sm:hidden"> · {formatDuration(Math.max(1, Math.round((now - since) / 1000)))}</span>
      </span>
    );
  const live = connection === "live";
  return (
    <Tooltip text={live ? "Live: everything on this page follows the server as it happens" : "Connecting to the server's events"}>
      <span tabIndex={0} role="status" className="inline-flex h-7 w-25 items-center justify-end gap-1.5 rounded-full px-2 text-xs text-muted max-sm:w-auto">
        <Wifi size={14} className={live ? "text-completed" : "text-faint"} aria-hidden /> {live ? "Live" : "Connecting"}
      </span>
    </Tooltip>
  );
}

const THEMES: { value: Theme; name: string; icon: typeof Sun }[] = [
  { value: "system", name: "As the system", icon: Monitor },
  { value: "light", name: "Light", icon: Sun },
  { value: "dark", name: "Dark", icon: Moon },
];

function UserMenu() {
  const session = useSession();
  const about = useQuery(q.about());
  const client = useQueryClient();
  const navigate = useNavigate();
  const { theme, setTheme, zone, setZone } = usePreferences();
  const zones: { value: Zone; name: string }[] = [
    { value: "local", name: `This browser · ${Intl.DateTimeFormat().resolvedOptions().timeZone}` },
    { value: "server", name: `Server · ${about.data?.timezone ?? "…"}` },
    { value: "utc", name: "UTC" },
  ];
  const signOut = async () => {
    await api.signOut().catch(() => undefined);
    client.clear();
    void navigate({ to: "/sign-in" });
  };
  return (
    <Menu trigger={<IconButton label="You and this browser"><UserRound size={16} /></IconButton>}>
      <div className="px-2 py-1.5">
        <p className="max-w-56 truncate text-sm font-medium">{session.name}</p>
        <p className="text-xs text-muted">{session.role}</p>
      </div>
      <MenuLine />
      <MenuLabel>Theme</MenuLabel>
      {THEMES.map((t) => <MenuChoice key={t.value} checked={theme === t.value} onSelect={() => setTheme(t.value)}>{t.name}</MenuChoice>)}
      <MenuLabel>Time zone</MenuLabel>
      {zones.map((z) => <MenuChoice key={z.value} checked={zone === z.value} onSelect={() => setZone(z.value)}>{z.name}</MenuChoice>)}
      <MenuLine />
      <MenuItem icon={<LogOut size={14} />} onSelect={() => void signOut()}>Sign out</MenuItem>
    </Menu>
  );
}

export function TopBar({ narrow, onSearch, onHelp }: { narrow: boolean; onSearch: () => void; onHelp: () => void }) {
  const { zone, setZone, theme, setTheme } = usePreferences();
  const order: Zone[] = ["local", "server", "utc"];
  const zoneWords: Record<Zone, string> = { local: "Local time", server: "Server time", utc: "UTC" };
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line bg-surface px-3 sm:px-4">
      {narrow && <Mark size={24} />}
      <button
        type="button"
        onClick={onSearch}
        className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-md border border-line bg-sunken px-2.5 text-left text-sm text-muted hover:border-line-strong sm:max-w-md"
      >
        <Search size={14} aria-hidden />
        <span className="flex-1 truncate">{narrow ? "Search" : "Search runs, flows, robots, or jump to…"}</span>
        <span className="flex gap-0.5 max-sm:hidden"><Kbd>Ctrl</Kbd><Kbd>K</Kbd></span>
      </button>
      <div className="ml-auto flex items-center gap-0.5">
        <ConnectionLight />
        {!narrow && (
          <>
            <Tooltip text={`Times are in ${zoneWords[zone].toLowerCase()}; press to change`}>
              <button type="button" aria-label={`Time zone: ${zoneWords[zone]}`} onClick={() => setZone(order[(order.indexOf(zone) + 1) % 3] ?? "local")} className="inline-flex h-8 items-center gap-1.5 rounded-md px-2 text-xs text-muted hover:bg-hover hover:text-fg">
                <Clock size={14} aria-hidden /> {zoneWords[zone]}
              </button>
            </Tooltip>
            <IconButton label={`Theme: ${theme}`} onClick={() => setTheme(theme === "system" ? "dark" : theme === "dark" ? "light" : "system")}>
              {theme === "dark" ? <Moon size={16} /> : theme === "light" ? <Sun size={16} /> : <Monitor size={16} />}
            </IconButton>
            <IconButton label="Keyboard shortcuts" shortcut="?" onClick={onHelp}><CircleQuestionMark size={16} /></IconButton>
          </>
        )}
        <UserMenu />
      </div>
    </header>
  );
}
