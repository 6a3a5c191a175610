// The one way to the server: same-origin fetch, problems as typed errors, an expired session noticed once.
import { BASE_PATH } from "@/lib/base";
import type { Problem } from "./types";

export const BASE = `${BASE_PATH}/api/v1`;

/** What the server refused, or why it was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly problem?: Problem,
  ) {
    super(message);
    this.name = "ApiError";
  }
  /** What it names is not there, or no longer. */
  get gone(): boolean {
    return this.status === 404;
  }
  /** The sentences about single fields, by the last part of their pointer. */
  field(name: string): string | undefined {
    return this.problem?.errors?.find((e) => e.field === name || e.field.endsWith(`.${name}`) || e.field.endsWith(`/${name}`))?.message;
  }
}

type Query = Record<string, unknown>;

export function queryString(query: object | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Query)) {
    if (value === undefined || value === null || value === "" || value === false) continue;
    if (Array.isArray(value)) {
      if (value.length) search.set(name, value.join(","));
    } else search.set(name, String(value));
  }
  const text = search.toString().replaceAll("%2C", ",");
  return text ? `?${text}` : "";
}

const UNREACHABLE = "The server cannot be reached. This page comes back by itself when it answers again.";
/** Of calls that would have changed something. */
const UNCHANGED = "The server cannot be reached. Nothing was changed.";
const unreachableBy = (method: string): ApiError => new ApiError(0, "unreachable", method === "GET" ? UNREACHABLE : UNCHANGED);

/** Whether the server answers at all; throws what pages show where it does not. */
export async function reach(): Promise<void> {
  await fetch(`${BASE_PATH}/healthz`).catch(() => {
    throw new ApiError(0, "unreachable", UNREACHABLE);
  });
}

let signedOut: () => void = () => {};
/** Called when the server no longer knows the session. */
export const onSignedOut = (listener: () => void): void => void (signedOut = listener);

let unreachable: () => void = () => {};
/** Called when a request got no answer at all. */
export const onUnreachable = (listener: () => void): void => void (unreachable = listener);

async function refusal(method: string, response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text) as Problem;
    if (problem.code) return new ApiError(response.status, problem.code, problem.detail || problem.title, problem);
  } catch {
    /* Not ours: a proxy or a crash answered. */
  }
  if (response.status === 413) return new ApiError(413, "too_large", "The server does not take a request of this size. Leave large data where the flow can read it, and pass its place.");
  if (response.status === 502 || response.status === 504) return unreachableBy(method);
  return new ApiError(response.status, "unexpected", `The server answered ${response.status} ${response.statusText || "without saying why"}.`);
}

export interface CallOptions {
  query?: object;
  body?: unknown;
  signal?: AbortSignal;
  idempotencyKey?: string;
  /** An answer of 401 is this caller's own matter (the sign-in page). */
  quiet?: boolean;
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.idempotencyKey) headers["idempotency-key"] = options.idempotencyKey;
  let response: Response;
  try {
    response = await fetch(`${BASE}${path}${queryString(options.query)}`, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    unreachable();
    throw unreachableBy(method);
  }
  if (!response.ok) {
    const error = await refusal(method, response);
    if (error.status === 401 && !options.quiet) signedOut();
    throw error;
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** One part of a path, escaped. */
export const seg = (part: string): string => encodeURIComponent(part);
