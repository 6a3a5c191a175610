// States of runs and lights of robots: always a shape and a word beside the colour.
import type { CSSProperties } from "react";
import { AlarmClock, Ban, CalendarClock, Circle, CircleCheck, CircleDashed, CirclePause, CircleSlash2, CircleX, Layers, PauseCircle, Send, TimerOff, Unplug, type LucideIcon } from "lucide-react";
import type { RobotStatus } from "@/api";
import { cx } from "@/lib/format";
import { STATE_MEANINGS, STATE_WORDS, stateColor, type ShownState } from "@/lib/states";

const ICONS: Partial<Record<ShownState, LucideIcon>> = {
  scheduled: CalendarClock, pending: CircleDashed, queued: Layers, late: AlarmClock, dispatched: Send, paused: CirclePause,
  cancelling: CircleSlash2, completed: CircleCheck, failed: CircleX, timed_out: TimerOff, cancelled: Ban,
};

/** A ring that moves while the run does. */
const Running = ({ size, still }: { size: number; still?: boolean }) => (
  <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2.4" className={still ? undefined : "animate-spin-slow"} aria-hidden>
    <circle cx="12" cy="12" r="9" opacity=".28" />
    <path d="M12 3a9 9 0 0 1 9 9" strokeLinecap="round" />
  </svg>
);

/** A circle broken in two. */
const Crashed = ({ size }: { size: number }) => (
  <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden>
    <path d="M10.6 2.6A9.5 9.5 0 0 0 8 20.6" />
    <path d="M13.4 21.4A9.5 9.5 0 0 0 16 3.4" />
    <path d="m13.5 6-3.5 5h4l-3.5 7" />
  </svg>
);

/** `still` is for the past: only what runs now moves. */
export function StateIcon({ state, size = 14, still }: { state: ShownState; size?: number; still?: boolean }) {
  if (state === "running") return <Running size={size} still={still} />;
  if (state === "crashed") return <Crashed size={size} />;
  const Icon = ICONS[state] ?? Circle;
  return <Icon size={size} strokeWidth={2.2} aria-hidden />;
}

const struck = (state: ShownState) => state === "cancelled" || state === "cancelling";

interface StateBadgeProps {
  state: ShownState;
  /** `plain` for tables, `solid` for headers. */
  look?: "plain" | "solid";
  note?: string;
  /** In the past: nothing moves. */
  still?: boolean;
}

export function StateBadge({ state, look = "plain", note, still }: StateBadgeProps) {
  const color = stateColor(state);
  const style: CSSProperties = look === "solid" ? { color, background: `color-mix(in oklab, ${color} 12%, transparent)` } : { color };
  return (
    <span
      title={STATE_MEANINGS[state]}
      style={style}
      className={cx("inline-flex items-center gap-1.5 font-medium whitespace-nowrap", look === "solid" ? "h-6 rounded-full px-2.5 text-xs" : "text-sm")}
    >
      <StateIcon state={state} still={still} size={look === "solid" ? 13 : 14} />
      <span className={struck(state) ? "line-through decoration-1" : undefined}>{STATE_WORDS[state]}</span>
      {note && <span className="font-normal">{note}</span>}
    </span>
  );
}

export const ROBOT_WORDS: Record<RobotStatus, string> = { online: "Online", busy: "Busy", draining: "Draining", offline: "Offline" };
const ROBOT_COLORS: Record<RobotStatus, string> = {
  online: "var(--state-completed)", busy: "var(--state-running)", draining: "var(--state-late)", offline: "var(--faint)",
};

/** Online is a full disc, busy a ring around one, draining a pause, offline an unplugged mark. */
function RobotShape({ status, size }: { status: RobotStatus; size: number }) {
  if (status === "draining") return <PauseCircle size={size} strokeWidth={2.2} aria-hidden />;
  if (status === "offline") return <Unplug size={size} strokeWidth={2} aria-hidden />;
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" aria-hidden>
      <circle cx="8" cy="8" r={status === "busy" ? 3 : 4.5} fill="currentColor" />
      {status === "busy" && <circle cx="8" cy="8" r="6" stroke="currentColor" strokeWidth="1.8" />}
    </svg>
  );
}

/** Without its word only where the word stands beside it. */
export function RobotLight({ status, drained, word = true }: { status: RobotStatus; drained?: boolean; word?: boolean }) {
  return (
    <span style={{ color: ROBOT_COLORS[status] }} className="inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap">
      <RobotShape status={status} size={14} />
      {word && (drained && status === "draining" ? <span title="It takes nothing new and nothing runs on it: it is safe to restart">Drained</span> : ROBOT_WORDS[status])}
    </span>
  );
}

/** A word in a soft box: tags, labels, versions. */
export const Badge = ({ children, mono, title }: { children: React.ReactNode; mono?: boolean; title?: string }) => (
  <span title={title} className={cx("inline-flex h-5 max-w-full items-center truncate rounded-sm border border-line bg-sunken px-1.5 text-xs text-muted", mono && "font-mono text-2xs")}>
    {children}
  </span>
);

/** Letters that a cell of a table holds unless it says otherwise. */
const USUAL_LETTERS = 20;

/** Words in boxes as far as there is room for so many letters, and how many more there are: none is cut in the middle. */
export function Words({ words, letters = USUAL_LETTERS }: { words: readonly string[]; letters?: number }) {
  let room = words.join("").length + 2 * words.length <= letters ? letters : letters - 3;
  const shown = words.filter((w, i) => (room -= w.length + 2) >= 0 || i === 0);
  return (
    <span className="flex min-w-0 items-center gap-1" title={words.join(", ")}>
      {shown.map((w) => <Badge key={w}>{w}</Badge>)}
      {words.length > shown.length && <span className="shrink-0 text-xs text-muted">+{words.length - shown.length}</span>}
    </span>
  );
}
