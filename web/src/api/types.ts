// The wire types of /api/v1: generated from the server's OpenAPI snapshot, with short names for what it does not name.
import type * as gen from "./generated/types.gen";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export interface Collection<T> {
  items: T[];
  next?: string | null;
}

/**
 * What the server answers: it writes every field that is not nullable, also those that a request may leave out,
 * and what OpenAPI calls an object without fields is JSON.
 */
type Sent<T> = T extends readonly (infer U)[] ? Sent<U>[]
  : T extends object ? (string extends keyof T ? (unknown extends T[keyof T] ? JsonObject : T) : Flat<Present<T> & Nullable<T>>)
  : T;
type Present<T> = { [K in keyof T as null extends T[K] ? never : K]-?: Sent<Exclude<T[K], undefined>> };
type Nullable<T> = { [K in keyof T as null extends T[K] ? K : never]: Sent<T[K]> };
type Flat<T> = { [K in keyof T]: T[K] };

export type LogQuery = NonNullable<gen.ListLogsData["query"]>;
export type AuditQuery = NonNullable<gen.ListAuditData["query"]>;
export type OutcomeQuery = NonNullable<gen.ListOutcomesData["query"]>;

/** A transition of a run, in the event stream: streams have no schema in OpenAPI. */
export interface RunChange {
  id: string;
  from?: gen.State | null;
  to: gen.State;
  attempt: number;
  event: string;
  robot_id?: string | null;
  message?: string | null;
}
/** Something that happened, in the event stream. */
export interface Event {
  id: string;
  kind: string;
  at: string;
  subject: string;
  actor: string;
  run?: RunChange | null;
  detail?: unknown;
}

// What is sent to the server.
export type BulkRequest = gen.BulkRequest;
export type CreateRun = gen.CreateRun;
export type CreateSchedule = gen.CreateSchedule;
export type DeploymentPatch = gen.DeploymentPatch;
export type RunQuery = gen.RunQuery;
export type ScheduleInput = gen.ScheduleInput;
export type UpdateSchedule = gen.UpdateSchedule;

// What it answers.
export type About = Sent<gen.About>;
export type Artifact = Sent<gen.Artifact>;
export type AuditEntry = Sent<gen.AuditEntry>;
export type Attempt = Sent<gen.Attempt>;
export type BulkItem = Sent<gen.BulkItem>;
export type BulkResult = Sent<gen.BulkResult>;
export type Change = Sent<gen.Change>;
export type CreatedKey = Sent<gen.CreatedKey>;
export type CreatedRun = Sent<gen.CreatedRun>;
export type CurrentRun = Sent<gen.CurrentRun>;
export type DashboardMetrics = Sent<gen.DashboardMetrics>;
export type DeletePreview = Sent<gen.DeletePreview>;
export type Deployment = Sent<gen.Deployment>;
export type DeploymentSettings = Sent<gen.DeploymentSettings>;
export type Enrolment = Sent<gen.Enrolment>;
export type Entry = Sent<gen.Entry>;
export type ErrorInfo = Sent<gen.ErrorInfo>;
export type Executor = Sent<gen.Executor>;
export type FieldError = Sent<gen.FieldError>;
export type Flow = Sent<gen.Flow>;
export type Holder = Sent<gen.Holder>;
export type Key = Sent<gen.Key>;
export type Limit = Sent<gen.Limit>;
export type LimitHolder = Sent<gen.LimitHolder>;
export type LogEntry = Sent<gen.LogEntry>;
export type LogLevel = Sent<gen.LogLevel>;
export type LogStream = Sent<gen.LogStream>;
export type MissedPolicy = Sent<gen.MissedPolicy>;
export type OnLost = Sent<gen.OnLost>;
export type LostResult = Sent<gen.LostResult>;
export type Order = Sent<gen.Order>;
export type OutcomeBucket = Sent<gen.OutcomeBucket>;
export type Outcomes = Sent<gen.Outcomes>;
export type Overlap = Sent<gen.Overlap>;
export type PreviewSlot = Sent<gen.PreviewSlot>;
export type Priority = Sent<gen.Priority>;
export type Problem = Sent<gen.Problem>;
export type Progress = Sent<gen.Progress>;
export type Queue = Sent<gen.Queue>;
export type QueueSettings = Sent<gen.QueueSettings>;
export type Reason = Sent<gen.Reason>;
export type RetryPolicy = Sent<gen.RetryPolicy>;
export type Robot = Sent<gen.Robot>;
export type RobotLogEntry = Sent<gen.RobotLogEntry>;
export type RobotMetrics = Sent<gen.RobotMetrics>;
export type RobotOffer = Sent<gen.RobotOffer>;
export type RobotReason = Sent<gen.RobotReason>;
export type RobotStatus = Sent<gen.RobotStatus>;
export type Role = Sent<gen.Role>;
export type Rule = Sent<gen.Rule>;
export type Run = Sent<gen.Run>;
export type RunEvent = Sent<gen.RunEvent>;
export type RunExplanation = Sent<gen.RunExplanation>;
export type RunKind = Sent<gen.RunKind>;
export type Samples = Sent<gen.Samples>;
export type Schedule = Sent<gen.Schedule>;
export type SchedulePreview = Sent<gen.SchedulePreview>;
export type ZoneReport = Sent<gen.ZoneReport>;
export type ScheduleSettings = Sent<gen.ScheduleSettings>;
export type Session = Sent<gen.Session>;
export type SignInLink = Sent<gen.SignInLink>;
export type State = Sent<gen.State>;
export type StateCounts = Sent<gen.StateCounts>;
export type Step = Sent<gen.Step>;
export type StopSignal = Sent<gen.StopSignal>;
export type Strategy = Sent<gen.Strategy>;
export type TaskRun = Sent<gen.TaskRun>;
export type Trigger = Sent<gen.Trigger>;
export type Version = Sent<gen.Version>;
export type VersionStatus = Sent<gen.VersionStatus>;
