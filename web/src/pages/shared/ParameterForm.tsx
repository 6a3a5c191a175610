// A form made from a parameter schema, with the raw JSON always one press away.
import { useMemo, useState } from "react";
import type { Json, JsonObject } from "@/api";
import { changedNumber, fromText, parameterFields, tooLarge, toText, type ParameterField } from "@/lib/schemaForm";
import { Checkbox, Field, Input, Refusal, Segmented, Select, Textarea } from "@/ui";

interface ParameterFormProps {
  schema: JsonObject | null | undefined;
  value: JsonObject;
  onChange: (value: JsonObject, valid: boolean) => void;
  /** What the server said about single fields. */
  errors?: (name: string) => string | undefined;
}

function Control({ field, text, onText, ...rest }: { field: ParameterField; text: string; onText: (text: string) => void; id: string; "aria-describedby"?: string; "aria-invalid"?: true }) {
  const onChange = (e: { target: { value: string } }) => onText(e.target.value);
  switch (field.kind) {
    case "choice":
      return (
        <Select {...rest} value={text} onChange={onChange}>
          {!field.required && <option value="">–</option>}
          {field.choices?.map((c) => <option key={String(c)} value={String(c)}>{String(c)}</option>)}
        </Select>
      );
    case "long": return <Textarea {...rest} rows={4} value={text} onChange={onChange} />;
    case "json": return <Textarea {...rest} rows={4} value={text} onChange={onChange} className="font-mono text-xs" spellCheck={false} />;
    case "integer":
    case "number": return <Input {...rest} inputMode="decimal" value={text} onChange={onChange} />;
    case "date": return <Input {...rest} type="date" value={text} onChange={onChange} />;
    default: return <Input {...rest} value={text} onChange={onChange} spellCheck={false} />;
  }
}

export function ParameterForm({ schema, value, onChange, errors }: ParameterFormProps) {
  const fields = parameterFields(schema);
  const [mode, setMode] = useState<"form" | "json">(fields.length ? "form" : "json");
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(fields.map((f) => [f.name, toText(f, value[f.name] ?? f.initial)])));
  const [raw, setRaw] = useState(() => JSON.stringify(value, null, 2));
  const [problem, setProblem] = useState<string>();

  const typed = (field: ParameterField, text: string) => {
    const next = { ...texts, [field.name]: text };
    setTexts(next);
    let valid = true;
    const out: Record<string, Json> = { ...value };
    for (const f of fields) {
      const read = fromText(f, next[f.name] ?? "");
      if (read.error) valid = false;
      else if (read.value === undefined) delete out[f.name];
      else out[f.name] = read.value;
    }
    onChange(out, valid && !tooLarge(out));
  };
  const typedRaw = (text: string) => {
    setRaw(text);
    const changed = changedNumber(text, fields.length > 0);
    if (changed) {
      setProblem(changed);
      onChange(value, false);
      return;
    }
    try {
      const read = JSON.parse(text) as Json;
      if (!read || typeof read !== "object" || Array.isArray(read)) throw new Error("an object");
      setProblem(undefined);
      onChange(read, !tooLarge(read));
    } catch {
      setProblem('An object in JSON is needed, such as {"region": "EMEA"}');
      onChange(value, false);
    }
  };
  const turn = (next: "form" | "json") => {
    setMode(next);
    if (next === "json") setRaw(JSON.stringify(value, null, 2));
    else setTexts(Object.fromEntries(fields.map((f) => [f.name, toText(f, value[f.name])])));
  };

  const large = useMemo(() => tooLarge(value), [value]);
  return (
    <div className="space-y-3">
      {fields.length > 0 && <Segmented label="How to edit" value={mode} onChange={turn} options={[{ value: "form", label: "Form" }, { value: "json", label: "JSON" }]} />}
      {mode === "json" ? (
        <Field label="Parameters" error={problem}>
          {(control) => <Textarea {...control} rows={10} spellCheck={false} value={raw} onChange={(e) => typedRaw(e.target.value)} className="font-mono text-xs" />}
        </Field>
      ) : (
        fields.map((field) =>
          field.kind === "boolean" ? (
            <Checkbox key={field.name} visible label={field.title} checked={texts[field.name] === "true"} onChange={(on) => typed(field, String(on))} />
          ) : (
            <Field key={field.name} label={<>{field.title}{field.required && <span className="text-danger"> *</span>}</>} hint={field.description} error={errors?.(field.name) ?? fromText(field, texts[field.name] ?? "").error}>
              {(control) => <Control {...control} field={field} text={texts[field.name] ?? ""} onText={(text) => typed(field, text)} />}
            </Field>
          ),
        )
      )}
      {large && <Refusal title="The parameters are too large" error={new Error(large)} />}
    </div>
  );
}
