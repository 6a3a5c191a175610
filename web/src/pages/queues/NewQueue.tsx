// Making a work queue.
import { useState } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { api, ApiError, type Strategy } from "@/api";
import { Button, Dialog, errorText, Field, Input, Select } from "@/ui";
import { STRATEGY } from "./bits";

export function NewQueue({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [strategy, setStrategy] = useState<Strategy>("least_loaded");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const client = useQueryClient();
  const navigate = useNavigate();
  const make = async () => {
    setBusy(true);
    try {
      const made = await api.createQueue({ name: name.trim(), settings: { description, strategy } });
      await client.invalidateQueries({ queryKey: ["queues"] });
      void navigate({ to: "/queues/$queue", params: { queue: made.id } });
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };
  const wrong = refused === undefined ? undefined : ((refused instanceof ApiError && refused.field("name")) || errorText(refused));
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="New work queue"
      description="Runs wait in it for the robots that serve it: those that were started with its name."
      footer={<><Button onClick={onClose}>Close</Button><Button weight="primary" busy={busy} disabled={!name.trim()} onClick={() => void make()}>Make it</Button></>}
    >
      <form className="flex flex-col gap-3" onSubmit={(e) => { e.preventDefault(); if (name.trim()) void make(); }}>
        <Field label="Name" error={wrong}>{(c) => <Input {...c} autoFocus value={name} onChange={(e) => setName(e.target.value)} spellCheck={false} />}</Field>
        <Field label="Description">{(c) => <Input {...c} value={description} onChange={(e) => setDescription(e.target.value)} />}</Field>
        <Field label="Strategy" hint={STRATEGY[strategy].meaning}>
          {(c) => <Select {...c} value={strategy} onChange={(e) => setStrategy(e.target.value as Strategy)}>{Object.entries(STRATEGY).map(([value, words]) => <option key={value} value={value}>{words.name}</option>)}</Select>}
        </Field>
      </form>
    </Dialog>
  );
}
