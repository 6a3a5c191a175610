// The fields of a parameter schema, and values from and to what people type; pure.
import type { Json, JsonObject } from "@/api";

export interface ParameterField {
  name: string;
  title: string;
  description?: string;
  kind: "text" | "long" | "number" | "integer" | "boolean" | "choice" | "date" | "datetime" | "json" | "any";
  required: boolean;
  choices?: Json[];
  initial?: Json;
  minimum?: number;
  maximum?: number;
}

const object = (value: unknown): Record<string, unknown> => (value && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {});

/** Leads `$ref` inside the same schema to what it names. */
function resolved(schema: Record<string, unknown>, root: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const ref = schema.$ref;
  if (typeof ref === "string" && ref.startsWith("#/") && depth < 8) {
    const target = ref.slice(2).split("/").reduce<unknown>((at, part) => object(at)[part.replaceAll("~1", "/").replaceAll("~0", "~")], root);
    const { $ref: _ref, ...rest } = schema;
    return { ...resolved(object(target), root, depth + 1), ...rest };
  }
  const any = Array.isArray(schema.anyOf) ? schema.anyOf.map(object).filter((s) => s.type !== "null") : [];
  if (any.length === 1 && any[0]) return { ...resolved(any[0], root, depth + 1), ...schema, anyOf: undefined };
  return schema;
}

function kindOf(schema: Record<string, unknown>): ParameterField["kind"] {
  if (Array.isArray(schema.enum)) return "choice";
  if (schema.type === undefined) {
    if (["pattern", "format", "minLength", "maxLength"].some((word) => word in schema)) return "text";
    return ["minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"].some((word) => word in schema) ? "number"
      : ["properties", "items", "anyOf", "oneOf", "allOf", "const", "not"].some((word) => schema[word] !== undefined) ? "json" : "any";
  }
  const types = Array.isArray(schema.type) ? schema.type.filter((t) => t !== "null") : [schema.type];
  if (types.length !== 1) return "json";
  switch (types[0]) {
    case "boolean": return "boolean";
    case "integer": return "integer";
    case "number": return "number";
    case "string":
      return schema.format === "date" ? "date" : schema.format === "date-time" ? "datetime" : Number(schema.maxLength ?? 0) > 300 || schema.format === "textarea" ? "long" : "text";
    default: return "json";
  }
}

export function parameterFields(schema: JsonObject | null | undefined): ParameterField[] {
  const root = object(schema);
  const required = new Set(Array.isArray(root.required) ? root.required : []);
  return Object.entries(object(root.properties)).map(([name, raw]): ParameterField => {
    const s = resolved(object(raw), root);
    return {
      name,
      title: typeof s.title === "string" ? s.title : name,
      description: typeof s.description === "string" ? s.description : undefined,
      kind: kindOf(s),
      required: required.has(name),
      choices: Array.isArray(s.enum) ? (s.enum as Json[]) : undefined,
      initial: s.default as Json | undefined,
      minimum: typeof s.minimum === "number" ? s.minimum : undefined,
      maximum: typeof s.maximum === "number" ? s.maximum : undefined,
    };
  });
}

/** A number as JSON writes it. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** The value that a text stands for where nobody describes it: JSON only if the same text comes back from it. */
export function asWritten(text: string): Json {
  try {
    const value = JSON.parse(text) as Json;
    const same = JSON.stringify(value) === text && !changedNumber(text);
    return same && value !== null && typeof value !== "string" ? value : text;
  } catch {
    return text;
  }
}

/**
 * What is wrong with the first number in a JSON text that would not arrive as it is written: 9007199254740993 anywhere,
 * and where nobody says that a number is wanted, 1.10 or 12e5 too.
 */
export function changedNumber(text: string, described = false): string | undefined {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g) ?? [];
  const changed = tokens.find((token) => !token.startsWith('"') && NUMBER.test(token) && ((!described && String(Number(token)) !== token) || (Number.isInteger(Number(token)) && !Number.isSafeInteger(Number(token)))));
  return changed && `${changed} would arrive as ${Number(changed)}: write it so, or as text in quotes`;
}

/** A value as it stands in an input. */
export function toText(field: ParameterField, value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (field.kind === "any" && typeof value === "object") return JSON.stringify(value);
  return field.kind === "json" || typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

/** What was typed, as a value; undefined leaves the parameter out; an error says what is wrong. */
export function fromText(field: ParameterField, text: string): { value?: Json; error?: string } {
  if (text.trim() === "") return field.required && field.kind !== "text" && field.kind !== "long" ? { error: "It is needed" } : {};
  if (field.kind === "integer" || field.kind === "number") {
    const n = Number(text);
    // What only JavaScript reads as a number (0x1F, 007, +5, .5) is none to the server either.
    if (!NUMBER.test(text.trim()) || !Number.isFinite(n) || (field.kind === "integer" && !Number.isInteger(n))) return { error: field.kind === "integer" ? "A whole number is needed" : "A number is needed" };
    if (Number.isInteger(n) && !Number.isSafeInteger(n)) return { error: "Too large to be kept exactly by a browser; give it on the command line" };
    if (field.minimum !== undefined && n < field.minimum) return { error: `At least ${field.minimum}` };
    if (field.maximum !== undefined && n > field.maximum) return { error: `At most ${field.maximum}` };
    return { value: n };
  }
  if (field.kind === "any") return { value: asWritten(text) };
  if (field.kind === "json") {
    const changed = changedNumber(text, true);
    if (changed) return { error: changed };
    try {
      return { value: JSON.parse(text) as Json };
    } catch {
      return { error: 'JSON is needed, such as ["a", 1] or {"b": true}' };
    }
  }
  if (field.kind === "choice") return { value: field.choices?.find((c) => String(c) === text) ?? text };
  if (field.kind === "boolean") return { value: text === "true" };
  return { value: text };
}

/** The largest parameters that the server takes, in bytes. */
export const MOST_BYTES = 1_048_576;

/** What to do about parameters that are too large. */
export function tooLarge(parameters: JsonObject): string | undefined {
  const bytes = new Blob([JSON.stringify(parameters)]).size;
  return bytes > MOST_BYTES ? `They come to ${(bytes / 1_000_000).toFixed(1)} MB, and a run takes 1 MB at most. Leave large data where the flow can read it, and pass its place.` : undefined;
}
