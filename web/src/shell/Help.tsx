// The overlay that lists every shortcut and what each state means.
import type { RobotStatus } from "@/api";
import { Dialog } from "@/ui/Dialog";
import { Kbd } from "@/ui/Kbd";
import { RobotLight, StateBadge } from "@/ui/Status";
import { PRIORITIES } from "@/pages/shared/priorities";
import { STATE_MEANINGS, STATE_WORDS, type ShownState } from "@/lib/states";
import { PLACES } from "./navigation";

const KEYS: [string[], string][] = [
  [["Ctrl", "K"], "Search and commands"],
  [["/"], "Filter this page"],
  [["?"], "This help"],
  [["↑", "↓"], "Move in a table (or j, k)"],
  [["Enter"], "Open the row"],
  [["Space"], "Select the row (Shift for a range)"],
  [["Esc"], "Close, or clear the filter"],
];

const ROBOTS: [RobotStatus, string][] = [
  ["online", "A robot with a free slot"], ["busy", "All its slots are taken"], ["draining", "It finishes what it has and takes nothing new"], ["offline", "The server does not hear it"],
];

export function Help({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keys and states" width="lg" reading>
      <div className="grid gap-8 sm:grid-cols-[1fr_1.2fr]">
        <div>
          <h3 className="mb-2 text-xs font-medium text-muted">Keys</h3>
          <dl className="space-y-1.5">
            {KEYS.map(([keys, what]) => (
              <div key={what} className="flex items-center gap-2">
                <dt className="flex w-20 shrink-0 gap-0.5">{keys.map((k) => <Kbd key={k}>{k}</Kbd>)}</dt>
                <dd className="text-sm">{what}</dd>
              </div>
            ))}
            {PLACES.map((place) => (
              <div key={place.to} className="flex items-center gap-2">
                <dt className="flex w-20 shrink-0 gap-0.5"><Kbd>g</Kbd><Kbd>{place.key}</Kbd></dt>
                <dd className="text-sm">{place.name}</dd>
              </div>
            ))}
          </dl>
        </div>
        <div>
          <h3 className="mb-2 text-xs font-medium text-muted">States of a run</h3>
          <dl className="space-y-1.5">
            {(Object.keys(STATE_WORDS) as ShownState[]).map((state) => (
              <div key={state} className="flex gap-2">
                <dt className="w-28 shrink-0"><StateBadge state={state} still /></dt>
                <dd className="text-sm text-muted">{STATE_MEANINGS[state]}</dd>
              </div>
            ))}
          </dl>
          <h3 className="mt-5 mb-2 text-xs font-medium text-muted">Marks</h3>
          <dl className="space-y-1.5">
            {Object.entries(PRIORITIES).filter(([, [icon]]) => icon).map(([name, [icon, text]]) => (
              <div key={name} className="flex items-center gap-2"><dt className="flex w-28 shrink-0 text-muted">{icon}</dt><dd className="text-sm text-muted">{text}</dd></div>
            ))}
            {ROBOTS.map(([status, meaning]) => (
              <div key={status} className="flex items-center gap-2"><dt className="flex w-28 shrink-0"><RobotLight status={status} /></dt><dd className="text-sm text-muted">{meaning}</dd></div>
            ))}
          </dl>
        </div>
      </div>
    </Dialog>
  );
}
