// What differs between two values of any shape, path by path; pure.
import type { Version } from "@/api";

export interface Difference {
  path: string;
  before?: string;
  after?: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const isObject = (value: unknown): value is Record<string, unknown> => Boolean(value) && typeof value === "object" && !Array.isArray(value);

/** Objects are compared field by field, lists as wholes: their order is their meaning. */
export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => differences(before[name], after[name], path ? `${path}.${name}` : name));
  }
  if (text(before ?? null) === text(after ?? null)) return [];
  return [{ path, ...(before === undefined || before === null ? {} : { before: text(before) }), ...(after === undefined || after === null ? {} : { after: text(after) }) }];
}

/** What a version is made of, in the words of the page. */
export function versionParts(version: Version): Record<string, unknown> {
  const schema = version.parameter_schema as { properties?: unknown; required?: unknown };
  return { package: version.package?.slice(0, 12) ?? null, entry: version.entry, parameters: schema.properties ?? {}, required: schema.required ?? null, source: version.source };
}

export const versionDifferences = (before: Version, after: Version): Difference[] => differences(versionParts(before), versionParts(after));

/** The fields of an object that differ from what they were: what a PATCH has to say. */
export function changedFields<T extends object>(before: T, after: T): Partial<T> {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify((before as Record<string, unknown>)[name]))) as Partial<T>;
}
