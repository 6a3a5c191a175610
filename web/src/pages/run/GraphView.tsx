// The tasks of a run as a graph: what waited for what, with live states.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Background, Controls, Handle, Position, ReactFlow, type Edge, type Node, type NodeProps, type ReactFlowInstance } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import type { TaskRun } from "@/api";
import { cx } from "@/lib/format";
import { fitted, NODE_HEIGHT, NODE_WIDTH } from "@/lib/graphLayout";
import { usePaintedTheme } from "@/lib/preferences";
import { fillColor, STATE_WORDS, stateColor } from "@/lib/states";
import { Duration, StateIcon } from "@/ui";
import { TaskDetail } from "./TaskDetail";

type TaskNode = Node<{ task: TaskRun; picked: boolean; across: boolean }, "task">;

/** Edges end at the box; a dot there would only say so again. */
const HANDLE = "!size-px !min-h-0 !min-w-0 !border-0 !bg-transparent";

function TaskBox({ data }: NodeProps<TaskNode>) {
  const { task, picked, across } = data;
  const color = stateColor(task.state);
  return (
    <div style={{ width: NODE_WIDTH, height: NODE_HEIGHT }} className={cx("relative flex items-center gap-2.5 overflow-hidden rounded-lg border bg-surface pr-3 pl-3.5 text-left shadow-card transition-colors hover:border-control", picked ? "border-accent ring-1 ring-accent" : "border-line-strong")}>
      <span aria-hidden className="absolute inset-y-0 left-0 w-[3px]" style={{ background: fillColor(task.state), opacity: task.started_at ? 1 : 0.4 }} />
      <Handle type="target" position={across ? Position.Left : Position.Top} className={HANDLE} isConnectable={false} />
      <span style={{ color }} className="inline-flex shrink-0"><StateIcon state={task.state} size={16} /></span>
      <span className="min-w-0 flex-1">
        <span className="block truncate text-sm leading-[18px] font-medium">{task.name}</span>
        <span className="block truncate text-2xs text-muted">
          {STATE_WORDS[task.state]}{task.started_at && <> · <Duration from={task.started_at} to={task.ended_at} live={task.state === "running"} /></>}{task.tries > 1 && ` · ${task.tries} tries`}
        </span>
      </span>
      <Handle type="source" position={across ? Position.Right : Position.Bottom} className={HANDLE} isConnectable={false} />
    </div>
  );
}

const nodeTypes = { task: TaskBox };
/** The share of the place that stays empty on each side. */
const AIR = 0.05;
const FIT = { padding: AIR, maxZoom: 1 };
/** Sizes closer than this are one: the layout does not jump while a pane is drawn out. */
const STEP = 80;

export function GraphView({ tasks, picked, onPick }: { tasks: readonly TaskRun[]; picked: string | undefined; onPick: (key: string | undefined) => void }) {
  const theme = usePaintedTheme();
  const shape = tasks.map((t) => `${t.key}<${t.after.join(",")}`).join("|");
  const place = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<{ width: number; height: number }>();
  const flow = useRef<ReactFlowInstance<TaskNode> | null>(null);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const measured = () => setSize({ width: Math.round(element.clientWidth / STEP) * STEP, height: Math.round(element.clientHeight / STEP) * STEP });
    measured();
    const observer = new ResizeObserver(measured);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const layout = useMemo(() => fitted(tasks, (size?.width ?? 1000) * (1 - 2 * AIR), (size?.height ?? 500) * (1 - 2 * AIR)), [shape, size?.width, size?.height]);

  const byKey = useMemo(() => new Map(tasks.map((t) => [t.key, t])), [tasks]);
  const nodes = useMemo(
    () => layout.nodes.flatMap((n): TaskNode[] => {
      const task = byKey.get(n.key);
      return task ? [{ id: n.key, type: "task", position: { x: n.x, y: n.y }, data: { task, picked: picked === n.key, across: layout.across }, width: NODE_WIDTH, height: NODE_HEIGHT, ariaLabel: `${task.name}, ${STATE_WORDS[task.state]}` }] : [];
    }),
    [layout, byKey, picked],
  );
  const edges = useMemo(
    () => layout.edges.map((e): Edge => {
      const to = byKey.get(e.to);
      const live = to?.state === "running";
      return { id: e.id, source: e.from, target: e.to, animated: live, focusable: false, style: { stroke: live ? "var(--state-running)" : picked === e.from || picked === e.to ? "var(--accent)" : "var(--control)", strokeWidth: 1.5 } };
    }),
    [layout, byKey, picked],
  );
  const task = picked ? byKey.get(picked) : undefined;
  const beside = Boolean(task);
  // It fits again where there is another graph or less room for it: two frames later, when the room is measured.
  useEffect(() => {
    let frame = requestAnimationFrame(() => (frame = requestAnimationFrame(() => void flow.current?.fitView(FIT))));
    return () => cancelAnimationFrame(frame);
  }, [layout, beside]);
  return (
    <div ref={place} className="flex min-h-0 flex-1 flex-col md:flex-row">
      <div className="min-h-72 min-w-0 flex-1 bg-sunken">
        {size && <ReactFlow
          onInit={(made) => (flow.current = made)}
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          colorMode={theme}
          fitView
          fitViewOptions={FIT}
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
        </ReactFlow>}
      </div>
      {task && <TaskDetail task={task} onClose={() => onPick(undefined)} />}
    </div>
  );
}
