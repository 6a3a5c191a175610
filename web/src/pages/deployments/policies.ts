// What the policies of a schedule mean, explained where they are chosen.
import type { MissedPolicy, Overlap } from "@/api";

interface Words {
  name: string;
  meaning: string;
  /** In the list of schedules. */
  short: string;
}

export const MISSED: Record<MissedPolicy, Words> = {
  last: { name: "Run the latest once", meaning: "After a night in which the server was off, one run makes up for all missed times.", short: "Missed: made up for once" },
  all: { name: "Run each of them", meaning: "Every missed time within the window gets its run, oldest first. For work that must not skip a day.", short: "Missed: each made up for" },
  skip: { name: "Run none", meaning: "What was missed stays missed; the next time comes as planned.", short: "Missed: not made up for" },
};

export const OVERLAP: Record<Overlap, Words> = {
  allow: { name: "Run beside it", meaning: "Both run at the same time, as far as limits and robots allow.", short: "Overlap: both run" },
  skip: { name: "Skip the new one", meaning: "The new run is not made; the skip is recorded in the history.", short: "Overlap: the new one is skipped" },
  queue: { name: "Wait for it", meaning: "The new run is made and starts when the one before has ended.", short: "Overlap: the new one waits" },
  cancel_running: { name: "Cancel the old one", meaning: "The run before is cancelled, and the new one starts.", short: "Overlap: the old one is cancelled" },
};
