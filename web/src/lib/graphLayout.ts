// Places the tasks of a run as a graph, from left to right or from top to bottom, whichever is larger where it is shown; pure.
import { Graph, layout } from "@dagrejs/dagre";
import type { TaskRun } from "@/api";

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 52;

export interface Placed {
  nodes: { key: string; x: number; y: number }[];
  edges: { id: string; from: string; to: string }[];
  width: number;
  height: number;
  /** Edges leave at the right (or else at the bottom) of a task. */
  across: boolean;
}

type Task = Pick<TaskRun, "key" | "after">;

/** Edges to tasks that do not exist are left out: a log of tasks may be cut. */
export function placed(tasks: readonly Task[], across = true): Placed {
  const graph = new Graph();
  // The graph is laid out against its arrows, from the last task back: so each task stands as near to what it waited
  // for as it can, and tasks that began together stand side by side.
  graph.setGraph({ rankdir: across ? "RL" : "BT", ranker: "longest-path", nodesep: across ? 16 : 20, ranksep: across ? 44 : 36, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const keys = new Set(tasks.map((t) => t.key));
  for (const key of keys) graph.setNode(key, { width: NODE_WIDTH, height: NODE_HEIGHT });
  const edges = tasks.flatMap((t) => t.after.filter((a) => keys.has(a) && a !== t.key).map((from) => ({ id: `${from}>${t.key}`, from, to: t.key })));
  for (const edge of edges) graph.setEdge(edge.to, edge.from);
  layout(graph);
  const nodes = [...keys].map((key) => {
    const node = graph.node(key) as { x: number; y: number };
    return { key, x: node.x - NODE_WIDTH / 2, y: node.y - NODE_HEIGHT / 2 };
  });
  const end = (at: (n: { x: number; y: number }) => number) => Math.max(0, ...nodes.map(at));
  return { nodes, edges, width: end((n) => n.x) + NODE_WIDTH, height: end((n) => n.y) + NODE_HEIGHT, across };
}

/** Tasks read best from left to right; downwards only where that makes them clearly larger. */
const CLEARLY = 1.15;

/** The layout that shows the tasks larger in a place of this size. */
export function fitted(tasks: readonly Task[], width: number, height: number): Placed {
  const scale = (p: Placed) => Math.min(1, width / p.width, height / p.height);
  const across = placed(tasks, true);
  if (scale(across) === 1) return across;
  const down = placed(tasks, false);
  return scale(down) > scale(across) * CLEARLY ? down : across;
}
