// Places the tasks of a run as a graph from left to right; pure.
import { Graph, layout } from "@dagrejs/dagre";
import type { TaskRun } from "@/api";

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 52;

export interface Placed {
  nodes: { key: string; x: number; y: number }[];
  edges: { id: string; from: string; to: string }[];
}

/** Edges to tasks that do not exist are left out: a log of tasks may be cut. */
export function placed(tasks: readonly Pick<TaskRun, "key" | "after">[]): Placed {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 44, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const keys = new Set(tasks.map((t) => t.key));
  for (const key of keys) graph.setNode(key, { width: NODE_WIDTH, height: NODE_HEIGHT });
  const edges = tasks.flatMap((t) => t.after.filter((a) => keys.has(a) && a !== t.key).map((from) => ({ id: `${from}>${t.key}`, from, to: t.key })));
  for (const edge of edges) graph.setEdge(edge.from, edge.to);
  layout(graph);
  const nodes = [...keys].map((key) => {
    const node = graph.node(key) as { x: number; y: number };
    return { key, x: node.x - NODE_WIDTH / 2, y: node.y - NODE_HEIGHT / 2 };
  });
  return { nodes, edges };
}
