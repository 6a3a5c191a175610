// Making a key: its name, role and life; then its secret, shown only this once.
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { api, type CreatedKey, type Role } from "@/api";
import { BASE_PATH } from "@/lib/base";
import { Button, CommandLine, Dialog, errorText, Field, Input, Select } from "@/ui";

const ROLES: [Role, string, string][] = [
  ["viewer", "Viewer", "Looks at everything, changes nothing."],
  ["operator", "Operator", "Runs, cancels and retries; pauses queues and schedules; drains robots."],
  ["developer", "Developer", "Also deploys flows and changes deployments, schedules and queues."],
  ["admin", "Admin", "Also makes keys, adds robots and backs up."],
];
const DAY = 86_400;
const LIVES: [number, string][] = [[DAY, "1 day"], [7 * DAY, "1 week"], [30 * DAY, "30 days"], [90 * DAY, "90 days"], [365 * DAY, "1 year"], [0, "For ever"]];

export function NewKey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [life, setLife] = useState(90 * DAY);
  const [made, setMade] = useState<CreatedKey | null>(null);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const client = useQueryClient();
  const make = async () => {
    setBusy(true);
    setRefused(undefined);
    try {
      setMade(await api.createKey({ name: name.trim(), role, ...(life ? { expires_in_seconds: life } : {}) }));
      void client.invalidateQueries({ queryKey: ["keys"] });
    } catch (error) {
      setRefused(error);
    } finally {
      setBusy(false);
    }
  };
  if (made) {
    return (
      <Dialog open onOpenChange={(open) => !open && onClose()} title={`The key ${made.key.name}`} footer={<Button weight="primary" onClick={onClose}>I have copied it</Button>}>
        <p className="mb-3 flex items-start gap-2 text-sm text-late"><TriangleAlert size={15} className="mt-0.5 shrink-0" aria-hidden />It is shown only now: the server keeps no copy that can be read.</p>
        <CommandLine command={made.secret} />
        <p className="mt-4 mb-1 text-xs text-muted">On another machine, for the command line:</p>
        <CommandLine command={`export BATON_URL=${location.origin}${BASE_PATH} BATON_API_KEY=${made.secret}`} />
      </Dialog>
    );
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Make a key"
      footer={<><Button onClick={onClose}>Close</Button><Button weight="primary" busy={busy} disabled={!name.trim()} onClick={() => void make()}>Make it</Button></>}
    >
      <form className="flex flex-col gap-3" onSubmit={(e) => { e.preventDefault(); if (name.trim()) void make(); }}>
        <Field label="Name" hint="Who or what will use it" error={refused === undefined ? undefined : errorText(refused)}>{(c) => <Input {...c} autoFocus value={name} onChange={(e) => setName(e.target.value)} placeholder="such as ci-deploys" />}</Field>
        <Field label="Role" hint={ROLES.find(([r]) => r === role)?.[2]}>{(c) => <Select {...c} value={role} onChange={(e) => setRole(e.target.value as Role)}>{ROLES.map(([value, words]) => <option key={value} value={value}>{words}</option>)}</Select>}</Field>
        <Field label="It works for" hint="A short life limits what a lost key can do">{(c) => <Select {...c} value={String(life)} onChange={(e) => setLife(Number(e.target.value))}>{LIVES.map(([seconds, words]) => <option key={seconds} value={seconds}>{words}</option>)}</Select>}</Field>
      </form>
    </Dialog>
  );
}
