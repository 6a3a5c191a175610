// A change that is shown at once is taken back whole, and never more than it.
import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { showAtOnce } from "./optimistic";

interface Thing {
  id: string;
  on: boolean;
  note?: string;
}
const turned = (id: string, on: boolean) => (thing: Thing): Thing => (thing.id === id ? { ...thing, on } : thing);

function filled(): QueryClient {
  const client = new QueryClient();
  client.setQueryData(["things"], { items: [{ id: "a", on: true }, { id: "b", on: true }] });
  client.setQueryData(["things", "a"], { id: "a", on: true });
  client.setQueryData(["things", "pages"], { pages: [{ items: [{ id: "a", on: true }] }], pageParams: [undefined] });
  return client;
}

test("a change is shown in the list, in its pages and on its own page, and taken back in all of them", async () => {
  const client = filled();
  const undo = await showAtOnce(client, ["things"], turned("a", false));
  const all = () => [client.getQueryData(["things"]), client.getQueryData(["things", "a"]), client.getQueryData(["things", "pages"])];
  expect(JSON.stringify(all()).match(/"id":"a","on":false/g)).toHaveLength(3);
  expect(JSON.stringify(all())).toContain('"id":"b","on":true');
  undo();
  expect(JSON.stringify(all())).not.toContain("false");
});

test("what the server has said since is not taken back", async () => {
  const client = filled();
  const undo = await showAtOnce(client, ["things"], turned("a", false));
  client.setQueryData(["things", "a"], { id: "a", on: false, note: "turned by somebody else" });
  undo();
  expect(client.getQueryData(["things", "a"])).toEqual({ id: "a", on: false, note: "turned by somebody else" });
  expect(client.getQueryData(["things"])).toEqual({ items: [{ id: "a", on: true }, { id: "b", on: true }] });
});

test("an answer that was on its way when the change was made does not paint over it", async () => {
  const client = filled();
  let answer: (thing: Thing) => void = () => {};
  const asked = client.fetchQuery({ queryKey: ["things", "a"], queryFn: () => new Promise<Thing>((resolve) => (answer = resolve)) }).catch(() => undefined);
  await showAtOnce(client, ["things"], turned("a", false));
  answer({ id: "a", on: true });
  await asked;
  expect(client.getQueryData(["things", "a"])).toMatchObject({ on: false });
});
