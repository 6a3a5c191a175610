// What is said of a work queue in more than one place: its robots, its slots, its strategy.
import { CirclePause, Unplug } from "lucide-react";
import type { Queue, Strategy } from "@/api";
import { Meter, Tooltip } from "@/ui";

export const STRATEGY: Record<Strategy, { name: string; meaning: string }> = {
  least_loaded: { name: "Least loaded", meaning: "The robot with the smallest share of its slots taken." },
  round_robin: { name: "Round robin", meaning: "One robot after the other." },
  random: { name: "Random", meaning: "Any robot that fits." },
  affinity: { name: "Affinity", meaning: "The robot that ran this flow last, then the least loaded: for flows that keep things on the machine." },
};

export const PausedMark = () => (
  <span className="inline-flex shrink-0 items-center gap-1 text-xs font-medium text-paused"><CirclePause size={13} aria-hidden />Paused</span>
);

/** Runs in flight, against the limit where there is one. */
export function Slots({ queue }: { queue: Queue }) {
  const limit = queue.settings.concurrency_limit;
  if (limit == null) return <span className={queue.live ? "" : "text-faint"}>{queue.live}</span>;
  const full = queue.live >= limit;
  return (
    <Tooltip text={full ? `The limit of ${limit} is reached` : `${queue.live} of at most ${limit}`}>
      <span className="flex w-full items-center gap-2">
        <span className={full ? "font-medium" : "text-muted"}>{queue.live} of {limit}</span>
        <span className="w-14"><Meter value={limit === 0 ? 1 : queue.live / limit} label={`Slots of ${queue.name}`} color={full ? "var(--fg)" : "var(--muted)"} /></span>
      </span>
    </Tooltip>
  );
}

export function RobotsWords({ queue }: { queue: Queue }) {
  if (queue.robots === 0) return <span className={`inline-flex items-center gap-1.5 ${queue.depth > 0 ? "text-late" : "text-faint"}`}><Unplug size={13} aria-hidden />No robot serves it</span>;
  if (queue.robots_online === 0) return <span className="inline-flex items-center gap-1.5 whitespace-nowrap text-late"><Unplug size={13} aria-hidden />None of {queue.robots} online</span>;
  return <span className="text-muted">{queue.robots_online} of {queue.robots} online</span>;
}
