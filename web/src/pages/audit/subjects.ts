// What entries of the trail are about: in words, and where the thing has its page; pure.
import type { AuditEntry } from "@/api";

/** Things that an entry can be about, by the first word of its kind. */
const PLACES: Record<string, { word: string; to?: (id: string) => string }> = {
  run: { word: "Run", to: (id) => `/runs/${id}` },
  runs: { word: "Runs", to: () => "/runs" },
  flow: { word: "Flow", to: (id) => `/flows/${id}` },
  version: { word: "Version" },
  deployment: { word: "Deployment", to: (id) => `/deployments/${id}` },
  schedule: { word: "Schedule" },
  queue: { word: "Work queue", to: (id) => `/queues/${id}` },
  limit: { word: "Limit", to: () => "/queues" },
  robot: { word: "Robot", to: (id) => `/robots/${id}` },
  key: { word: "Key", to: () => "/settings" },
  session: { word: "Session" },
  enrolment: { word: "Enrolment" },
  server: { word: "Server" },
};

/** The kinds that the filter offers, by their first word. */
export const KINDS: { value: string; label: string }[] = Object.entries(PLACES).map(([value, { word }]) => ({ value, label: word }));

const detailText = (entry: AuditEntry, name: string): string | undefined => {
  const value = (entry.detail as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" && value ? value : undefined;
};

export interface Subject {
  word: string;
  /** Its name where the entry tells it, otherwise the end of its id. */
  name?: string;
  href?: string;
}

export function subjectOf(entry: AuditEntry): Subject {
  const first = entry.kind.split(".", 1)[0] ?? entry.kind;
  const place = PLACES[first];
  // A robot that comes or goes is the one who says so.
  const own = first === "robot" && /\.(connected|disconnected)$/.test(entry.kind) ? entry.actor : undefined;
  const called = detailText(entry, "full_name") ?? detailText(entry, "name");
  // An enrolment that nobody gave a name is called enrolment.
  const said = called === first ? undefined : called;
  const name = said ?? own ?? (entry.subject ? `…${entry.subject.slice(-8)}` : undefined);
  const gone = /\.(deleted|removed)$/.test(entry.kind);
  const deployment = detailText(entry, "deployment_id");
  const href = first === "schedule" && deployment ? `/deployments/${deployment}` : !gone && place?.to && (entry.subject || first === "runs") ? place.to(encodeURIComponent(entry.subject)) : undefined;
  return { word: place?.word ?? first, ...(name ? { name } : {}), ...(href ? { href } : {}) };
}

/** `run.message_refused` as people say it: `message refused`. */
export const whatOf = (kind: string): string => kind.split(".").slice(1).join(" ").replaceAll("_", " ") || kind;

/** The rest of an entry in one line: what is short, name by name. */
export function detailLine(entry: AuditEntry): string {
  const detail = entry.detail;
  if (!detail || typeof detail !== "object") return "";
  return Object.entries(detail)
    .filter(([name, value]) => !["id", "name", "full_name", "deployment_id", "claim", "last_recorded"].includes(name) && value !== null && value !== "")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" · ");
}
