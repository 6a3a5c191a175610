// The API as pages use it: types, calls, query options, errors.
export * from "./types";
export { api } from "./calls";
export { q, RUNS_PAGE } from "./queries";
export { ApiError } from "./http";
