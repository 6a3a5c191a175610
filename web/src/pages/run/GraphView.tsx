// The tasks of a run as a graph: what waited for what, with live states.
import { useMemo } from "react";
import { Background, Controls, Handle, Position, ReactFlow, type Edge, type Node, type NodeProps } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import type { TaskRun } from "@/api";
import { cx } from "@/lib/format";
import { NODE_HEIGHT, NODE_WIDTH, placed } from "@/lib/graphLayout";
import { usePaintedTheme } from "@/lib/preferences";
import { STATE_WORDS, stateColor } from "@/lib/states";
import { Duration, StateIcon } from "@/ui";
import { TaskDetail } from "./TaskDetail";

type TaskNode = Node<{ task: TaskRun; picked: boolean }, "task">;

function TaskBox({ data }: NodeProps<TaskNode>) {
  const { task, picked } = data;
  const color = stateColor(task.state);
  return (
    <div style={{ width: NODE_WIDTH, height: NODE_HEIGHT }} className={cx("flex items-center gap-2.5 rounded-lg border bg-surface px-3 text-left shadow-card", picked ? "border-accent ring-1 ring-accent" : "border-line-strong")}>
      <Handle type="target" position={Position.Left} className="!size-1.5 !min-h-0 !min-w-0 !border-0 !bg-control" isConnectable={false} />
      <span style={{ color }} className="inline-flex shrink-0"><StateIcon state={task.state} size={16} /></span>
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm leading-[18px] font-medium">{task.name}</span>
        <span className="block truncate text-2xs text-muted">
          {STATE_WORDS[task.state]}{task.started_at && <> · <Duration from={task.started_at} to={task.ended_at} live={task.state === "running"} /></>}{task.tries > 1 && ` · ${task.tries} tries`}
        </span>
      </span>
      <Handle type="source" position={Position.Right} className="!size-1.5 !min-h-0 !min-w-0 !border-0 !bg-control" isConnectable={false} />
    </div>
  );
}

const nodeTypes = { task: TaskBox };

export function GraphView({ tasks, picked, onPick }: { tasks: readonly TaskRun[]; picked: string | undefined; onPick: (key: string | undefined) => void }) {
  const theme = usePaintedTheme();
  const shape = tasks.map((t) => `${t.key}<${t.after.join(",")}`).join("|");
  const layout = useMemo(() => placed(tasks), [shape]);
  const byKey = useMemo(() => new Map(tasks.map((t) => [t.key, t])), [tasks]);
  const nodes = useMemo(
    () => layout.nodes.flatMap((n): TaskNode[] => {
      const task = byKey.get(n.key);
      return task ? [{ id: n.key, type: "task", position: { x: n.x, y: n.y }, data: { task, picked: picked === n.key }, width: NODE_WIDTH, height: NODE_HEIGHT, ariaLabel: `${task.name}, ${STATE_WORDS[task.state]}` }] : [];
    }),
    [layout, byKey, picked],
  );
  const edges = useMemo(
    () => layout.edges.map((e): Edge => {
      const to = byKey.get(e.to);
      const live = to?.state === "running";
      return { id: e.id, source: e.from, target: e.to, animated: live, focusable: false, style: { stroke: live ? "var(--state-running)" : "var(--control)", strokeWidth: 1.5 } };
    }),
    [layout, byKey],
  );
  const task = picked ? byKey.get(picked) : undefined;
  return (
    <div className="flex min-h-0 flex-1 flex-col md:flex-row">
      <div className="min-h-72 min-w-0 flex-1 bg-sunken">
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          colorMode={theme}
          fitView
          fitViewOptions={{ padding: 0.12, maxZoom: 1.1 }}
          minZoom={0.1}
          maxZoom={1.6}
          nodesDraggable={false}
          nodesConnectable={false}
          onlyRenderVisibleElements
          proOptions={{ hideAttribution: true }}
          onNodeClick={(_e, node) => onPick(picked === node.id ? undefined : node.id)}
          onPaneClick={() => onPick(undefined)}
          style={{ background: "transparent" }}
        >
          <Background gap={16} size={1} color="var(--line-strong)" />
          <Controls showInteractive={false} />
        </ReactFlow>
      </div>
      {task && <TaskDetail task={task} onClose={() => onPick(undefined)} />}
    </div>
  );
}
