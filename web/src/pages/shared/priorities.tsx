// How priorities look: nothing for a normal run, a mark for every other.
import type { ReactNode } from "react";
import { ChevronDown, ChevronsUp, Flame } from "lucide-react";
import type { Priority } from "@/api";

export const PRIORITIES: Record<Priority, [ReactNode, string]> = {
  low: [<ChevronDown key="i" size={14} aria-hidden />, "Low priority"],
  normal: [null, "Normal priority"],
  high: [<ChevronsUp key="i" size={14} aria-hidden />, "High priority"],
  critical: [<Flame key="i" size={14} aria-hidden />, "Critical priority"],
};
