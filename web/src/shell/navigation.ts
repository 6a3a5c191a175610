// The places of the dashboard: for the sidebar, the palette and the keyboard.
import { Activity, Bot, CalendarRange, ChartNoAxesColumn, Layers, LayoutDashboard, Settings, Workflow, type LucideIcon } from "lucide-react";

export interface Place {
  to: "/" | "/runs" | "/flows" | "/deployments" | "/robots" | "/queues" | "/trends" | "/settings";
  name: string;
  icon: LucideIcon;
  /** Pressed after `g`. */
  key: string;
}

export const PLACES: readonly Place[] = [
  { to: "/", name: "Overview", icon: LayoutDashboard, key: "o" },
  { to: "/runs", name: "Runs", icon: Activity, key: "r" },
  { to: "/flows", name: "Flows", icon: Workflow, key: "f" },
  { to: "/deployments", name: "Deployments", icon: CalendarRange, key: "d" },
  { to: "/robots", name: "Robots", icon: Bot, key: "b" },
  { to: "/queues", name: "Work queues", icon: Layers, key: "q" },
  { to: "/trends", name: "Metrics", icon: ChartNoAxesColumn, key: "m" },
  { to: "/settings", name: "Settings", icon: Settings, key: "s" },
];
