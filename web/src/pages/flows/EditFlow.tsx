// Changing what people read of a flow: its description, its folder, its tags.
import { useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, q, type Flow } from "@/api";
import { Button, Dialog, errorText, Field, Input, Textarea, useToasts } from "@/ui";

export function EditFlow({ flow, onClose }: { flow: Flow; onClose: () => void }) {
  const all = useQuery(q.flows());
  const [description, setDescription] = useState(flow.description);
  const [folder, setFolder] = useState(flow.folder);
  const [tags, setTags] = useState(flow.tags.join(", "));
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const client = useQueryClient();
  const toasts = useToasts();
  const save = async () => {
    setBusy(true);
    try {
      await api.updateFlow(flow.id, { description, folder: folder.trim(), tags: [...new Set(tags.split(",").map((t) => t.trim()).filter(Boolean))] });
      await client.invalidateQueries({ queryKey: ["flows"] });
      toasts.done(`${flow.name} is changed`);
      onClose();
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };
  const folders = [...new Set((all.data?.items ?? []).map((f) => f.folder).filter(Boolean))].sort();
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Edit ${flow.name}`} footer={<><Button onClick={onClose}>Close</Button><Button weight="primary" busy={busy} onClick={() => void save()}>Save</Button></>}>
      <div className="flex flex-col gap-3">
        <Field label="Description">{(c) => <Textarea {...c} rows={3} value={description} onChange={(e) => setDescription(e.target.value)} />}</Field>
        <Field label="Folder" hint="Slashes between, such as Finance/Payables; empty is the top">{(c) => <Input {...c} list="folders" value={folder} onChange={(e) => setFolder(e.target.value)} />}</Field>
        <datalist id="folders">{folders.map((f) => <option key={f} value={f} />)}</datalist>
        <Field label="Tags" hint="Commas between" error={refused === undefined ? undefined : errorText(refused)}>{(c) => <Input {...c} value={tags} onChange={(e) => setTags(e.target.value)} />}</Field>
      </div>
    </Dialog>
  );
}
