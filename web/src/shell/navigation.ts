// The places of the dashboard: for the sidebar, the palette and the keyboard.
import { Activity, Bot, CalendarRange, ChartNoAxesColumn, Layers, LayoutDashboard, ScrollText, Settings, Workflow, type LucideIcon } from "lucide-react";
import type { Permission } from "@/lib/roles";



export interface Place {
  to: "/" | "/runs" | "/flows" | "/deployments" | "/robots" | "/queues" | "/trends" | "/audit" | "/settings";
  name: string;
  icon: LucideIcon;
  /** Pressed after `g`. */
  key: string;
  /** Shown to those who may do this; to all unless given. */
  needs?: Permission;
}

export const PLACES: readonly Place[] = [
  { to: "/", name: "Overview", icon: LayoutDashboard, key: "o" },
  { to: "/runs", name: "Runs", icon: Activity, key: "r" },
  { to: "/flows", name: "Flows", icon: Workflow, key: "f" },
  { to: "/deployments", name: "Deployments", icon: CalendarRange, key: "d" },
  { to: "/robots", name: "Robots", icon: Bot, key: "b" },
  { to: "/queues", name: "Work queues", icon: Layers, key: "q" },
  { to: "/trends", name: "Trends", icon: ChartNoAxesColumn, key: "t" },
  { to: "/audit", name: "Audit", icon: ScrollText, key: "a", needs: "operate" },
  { to: "/settings", name: "Settings", icon: Settings, key: "s" },
];
