// Instants and durations on the screen: relative with the exact one on hover, in the chosen zone.
import { useNow, useNowNear, usePreferences } from "@/lib/preferences";
import { useServer } from "@/lib/server";
import { formatClock, formatDuration, formatExact, formatRelative, formatShort, secondsBetween, zoneName } from "@/lib/time";
import { Tooltip } from "./Tooltip";

/** The IANA name of the chosen zone; undefined is the browser's own. */
export function useZone(): string | undefined {
  const { zone } = usePreferences();
  return zoneName(zone, useServer().timezone);
}

/** Written out only when it is looked at. */
const Exactly = ({ at, zone }: { at: number; zone: string | undefined }) => <span className="font-mono">{formatExact(at, zone)}</span>;

export function RelativeTime({ at, className }: { at: string | null | undefined; className?: string }) {
  const instant = at ? Date.parse(at) : 0;
  const now = useNowNear(instant);
  const zone = useZone();
  if (!at) return <span className="text-faint">–</span>;
  return (
    <Tooltip text={<Exactly at={instant} zone={zone} />}>
      <time dateTime={at} className={className ?? "whitespace-nowrap"}>{formatRelative(instant, now)}</time>
    </Tooltip>
  );
}

export function ExactTime({ at, look = "exact", millis }: { at: string | null | undefined; look?: "exact" | "short" | "clock"; millis?: boolean }) {
  const zone = useZone();
  if (!at) return <span className="text-faint">–</span>;
  const instant = Date.parse(at);
  const text = look === "exact" ? formatExact(instant, zone, millis) : look === "short" ? formatShort(instant, zone) : formatClock(instant, zone, millis);
  const time = <time dateTime={at} className="whitespace-nowrap">{text}</time>;
  return look === "exact" ? time : <Tooltip text={<Exactly at={instant} zone={zone} />}>{time}</Tooltip>;
}

/** A duration that counts while its end is open. */
export function Duration({ from, to, live = true }: { from?: string | null; to?: string | null; live?: boolean }) {
  const counting = Boolean(from && !to && live);
  const now = useNow(counting ? 1000 : 0);
  return <span className="whitespace-nowrap">{formatDuration(!to && !live ? null : secondsBetween(from, to, now))}</span>;
}
