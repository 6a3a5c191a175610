// An entry of the trail says what it is about and leads there.
import { expect, test } from "vitest";
import type { AuditEntry } from "@/api";
import { detailLine, subjectOf, whatOf } from "./subjects";

const entry = (kind: string, subject: string, detail: object | null = null) => ({ at: "2026-11-30T00:00:00Z", actor: "admin", kind, subject, detail }) as unknown as AuditEntry;

test("what an entry is about leads to its page, unless it is gone", () => {
  expect(subjectOf(entry("run.cancel_requested", "0193-abcdefgh"))).toEqual({ word: "Run", name: "…abcdefgh", href: "/runs/0193-abcdefgh" });
  expect(subjectOf(entry("queue.paused", "q1", { name: "night" }))).toEqual({ word: "Work queue", name: "night", href: "/queues/q1" });
  expect(subjectOf(entry("deployment.deleted", "d1", { full_name: "pays/daily" }))).toEqual({ word: "Deployment", name: "pays/daily" });
  expect(subjectOf(entry("schedule.created", "s1", { name: "daily", deployment_id: "d1" })).href).toBe("/deployments/d1");
  expect(subjectOf(entry("session.created", ""))).toEqual({ word: "Session" });
  expect(subjectOf(entry("enrolment.created", "", { name: "enrolment" }))).toEqual({ word: "Enrolment" });
  expect(subjectOf(entry("enrolment.created", "", { name: "till-17" }))).toEqual({ word: "Enrolment", name: "till-17" });
});

test("kinds and details read as words", () => {
  expect(whatOf("run.message_refused")).toBe("message refused");
  expect(detailLine(entry("run.cancel_requested", "r", { message: "wrong month", name: "x", attempt: 2 }))).toBe("message wrong month · attempt 2");
  expect(detailLine(entry("session.created", ""))).toBe("");
});
