// Flows as a tree: by the folders they stand in, or by their tags; pure.
import type { Flow } from "@/api";

export interface TreeNode {
  /** The last part of the folder, or the tag. */
  name: string;
  /** The whole folder: what tells nodes apart. */
  path: string;
  children: TreeNode[];
  flows: Flow[];
  /** Flows here and below. */
  count: number;
}

const node = (name: string, path: string): TreeNode => ({ name, path, children: [], flows: [], count: 0 });
const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name, "en", { sensitivity: "base", numeric: true });

function settle(at: TreeNode): TreeNode {
  at.children.sort(byName);
  at.flows.sort(byName);
  at.count = at.flows.length + at.children.reduce((n, child) => n + settle(child).count, 0);
  return at;
}

export function folderTree(flows: readonly Flow[]): TreeNode {
  const root = node("", "");
  for (const flow of flows) {
    let at = root;
    for (const part of flow.folder.split("/").map((p) => p.trim()).filter(Boolean)) {
      const path = at.path ? `${at.path}/${part}` : part;
      let next = at.children.find((c) => c.path === path);
      if (!next) at.children.push((next = node(part, path)));
      at = next;
    }
    at.flows.push(flow);
  }
  return settle(root);
}

/** A flow with several tags stands under each; one without any under the root. */
export function tagTree(flows: readonly Flow[]): TreeNode {
  const root = node("", "");
  for (const flow of flows) {
    if (flow.tags.length === 0) root.flows.push(flow);
    for (const tag of flow.tags) {
      let at = root.children.find((c) => c.path === tag);
      if (!at) root.children.push((at = node(tag, tag)));
      at.flows.push(flow);
    }
  }
  return settle(root);
}

/** The flows that fit the words: in name, folder, tags or description. */
export function fittingFlows(flows: readonly Flow[], words: string): Flow[] {
  const wants = words.toLowerCase().split(/\s+/).filter(Boolean);
  return flows.filter((f) => {
    const text = `${f.name} ${f.folder} ${f.tags.join(" ")} ${f.description}`.toLowerCase();
    return wants.every((w) => text.includes(w));
  });
}

/** A row of the tree as it is shown, with how deep it stands. */
export type TreeRow = { kind: "group"; node: TreeNode; depth: number; open: boolean; key: string } | { kind: "flow"; flow: Flow; depth: number; key: string };

export function visibleRows(root: TreeNode, closed: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (at: TreeNode, depth: number) => {
    for (const child of at.children) {
      const open = !closed.has(child.path);
      rows.push({ kind: "group", node: child, depth, open, key: `g:${child.path}` });
      if (open) walk(child, depth + 1);
    }
    for (const flow of at.flows) rows.push({ kind: "flow", flow, depth, key: `f:${at.path}:${flow.id}` });
  };
  walk(root, 0);
  return rows;
}
