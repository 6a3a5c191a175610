// Paths below the server's own.
import { expect, test } from "vitest";
import { inner, moved } from "./base";

test("the router sees paths without the server's own", () => {
  expect(inner("/baton/runs", "/baton")).toBe("/runs");
  expect(inner("/baton", "/baton")).toBe("/");
  expect(inner("/batonic/runs", "/baton")).toBe("/batonic/runs");
  expect(inner("/runs", "")).toBe("/runs");
});

test("a page that was opened past the server's path is led below it, once", () => {
  expect(moved("/runs", "/baton")).toBe("/baton/runs");
  expect(moved("/baton/runs", "/baton")).toBeUndefined();
  expect(moved("/runs", "")).toBeUndefined();
});
