// A chart by uPlot in the dashboard's colours: lines, areas, stacked bars, points; with a readable legend and a hover card.
import { useEffect, useRef, useState, type ReactNode } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { usePaintedTheme } from "@/lib/preferences";
import { cssColor } from "@/lib/color";
import { DURATION_MARKS, durationSplits, formatChartTime, openedSpan } from "@/lib/chart";
import { useZone } from "./Time";

export interface ChartSeries {
  label: string;
  /** A CSS colour; variables are allowed. */
  color: string;
  kind: "line" | "area" | "bars" | "points";
  values: readonly (number | null)[];
  /** The line goes on over periods without a value: nothing happened there, so there is nothing to be missed. */
  joined?: boolean;
  /** Draws points as this shape, so that colour is not all that tells them apart. */
  shape?: "disc" | "ring" | "cross" | "diamond" | "square";
}

interface ChartProps {
  /** Seconds since the epoch, rising. */
  times: readonly number[];
  series: readonly ChartSeries[];
  height: number;
  /** What it shows, for screen readers. */
  label: string;
  format?: (value: number) => string;
  /** Stacks the bars or areas on one another. */
  stacked?: boolean;
  log?: boolean;
  /** The values are seconds: the axis is marked where people count. */
  durations?: boolean;
  min?: number;
  max?: number;
  range?: readonly [number, number];
  /** What is shown beside the cursor. */
  card?: (index: number) => ReactNode;
  onPick?: (index: number) => void;
  /** A drag over a span of time, in seconds since the epoch. */
  onZoom?: (from: number, to: number) => void;
}

const GAP = 4;
/** Steps of an axis that counts: there is no half run. */
const COUNTS = [1, 2, 5].flatMap((n) => [0, 1, 2, 3, 4, 5, 6].map((e) => n * 10 ** e)).sort((a, b) => a - b);
/** A chart is drawn anew at most this often: nobody reads one faster. */
const DRAW_EVERY = 700;

function stack(series: readonly ChartSeries[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map((s) => s.values.map((v, i) => (sums[i] = (sums[i] ?? 0) + (v ?? 0))));
}

function drawShape(path: Path2D, shape: ChartSeries["shape"], x: number, y: number, r: number) {
  if (shape === "cross") {
    path.moveTo(x - r, y - r);
    path.lineTo(x + r, y + r);
    path.moveTo(x + r, y - r);
    path.lineTo(x - r, y + r);
  } else if (shape === "diamond") {
    path.moveTo(x, y - r * 1.3);
    path.lineTo(x + r * 1.3, y);
    path.lineTo(x, y + r * 1.3);
    path.lineTo(x - r * 1.3, y);
    path.closePath();
  } else if (shape === "square") path.rect(x - r, y - r, r * 2, r * 2);
  else {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, Math.PI * 2);
  }
}

function pointsOf(shape: ChartSeries["shape"], color: string, soft: string): uPlot.Series.Points {
  return {
    show: true,
    paths: (u, seriesIdx) => {
      const path = new Path2D();
      const xs = u.data[0];
      const ys = u.data[seriesIdx] ?? [];
      const r = 2.6 * devicePixelRatio;
      for (let i = 0; i < xs.length; i++) {
        const y = ys[i];
        if (y === null || y === undefined) continue;
        drawShape(path, shape, u.valToPos(xs[i] as number, "x", true), u.valToPos(y, "y", true), r);
      }
      const open = shape === "cross" || shape === "ring";
      return { stroke: path, fill: open ? null : path, flags: 0 } as unknown as uPlot.Series.Points.Paths;
    },
    width: 1.5,
    stroke: color,
    fill: soft,
  };
}

/** A value without neighbours has no line; a dot shows it. */
const lonely: uPlot.Series.Points.Filter = (u, i) => {
  const values = u.data[i] ?? [];
  const isHole = (at: number) => values[at] === null || values[at] === undefined;
  return Array.from(values, (_v, at) => at).filter((at) => !isHole(at) && isHole(at - 1) && isHole(at + 1));
};

function seriesOptions(s: ChartSeries): uPlot.Series {
  const color = cssColor(s.color);
  if (s.kind === "points") return { label: s.label, paths: () => null, points: pointsOf(s.shape, color, cssColor(s.color, 0.55)), stroke: color };
  if (s.kind === "bars") return { label: s.label, fill: color, width: 0, points: { show: false }, paths: uPlot.paths.bars?.({ size: [0.72, 28], radius: 0, gap: 1 }) };
  return { label: s.label, stroke: color, width: 1.75, points: { show: true, filter: lonely, size: 6, fill: color }, spanGaps: s.joined ?? false, fill: s.kind === "area" ? cssColor(s.color, 0.12) : undefined };
}

export function Chart(props: ChartProps) {
  const { times, series, height, label, format = String, stacked, log, durations, min, max, range, card, onPick, onZoom } = props;
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = usePaintedTheme();
  const zone = useZone();
  const [hover, setHover] = useState<{ index: number; x: number; right: boolean } | null>(null);
  const shape = JSON.stringify([series.map((s) => [s.label, s.color, s.kind, s.shape, s.joined]), stacked, log, durations, min, max, Boolean(card), Boolean(onPick), Boolean(onZoom)]);
  const plot = useRef<uPlot | null>(null);
  const drawnAt = useRef(0);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const ink = cssColor("var(--faint)");
    const grid = { stroke: cssColor("var(--line)"), width: 1 };
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const shown = stacked ? [...latest.current.series].reverse() : latest.current.series;
    const options: uPlot.Options = {
      width: Math.max(120, element.clientWidth),
      height,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: Boolean(onZoom), y: false, setScale: false } },
      scales: {
        x: { time: true, range: () => openedSpan(latest.current.range ?? [latest.current.times[0] ?? 0, latest.current.times.at(-1) ?? 1]) },
        // A logarithmic axis reaches to the marks around its values, so that a single one has its scale as well.
        y: log ? { distr: 3, log: 10, range: (_u, lo, hi) => (lo > 0 && hi > 0 ? [Math.min(lo * 0.75, DURATION_MARKS.findLast((v) => v <= lo) ?? lo), Math.max(hi * 1.35, DURATION_MARKS.find((v) => v >= hi) ?? hi)] : [0.1, 100]) } : { range: (_u, _lo, hi) => [min ?? 0, max ?? (hi > 0 ? hi * 1.08 : 1)] },
      },
      axes: [
        { stroke: ink, font, grid: { show: false }, ticks: { show: false }, size: 26, gap: GAP, space: 72, values: (_u, ticks, _a, _s, step) => ticks.map((t) => formatChartTime(t, step, zone)) },
        { stroke: ink, font, grid, ticks: { show: false }, size: 46, gap: GAP, space: stacked ? 24 : 34, ...(stacked ? { incrs: COUNTS } : {}), ...(log || durations ? { splits: (_u: uPlot, _i: number, lo: number, hi: number) => (log ? DURATION_MARKS.filter((v) => v >= lo && v <= hi) : durationSplits(hi)), filter: (_u: uPlot, splits: number[]) => splits } : {}), values: (_u, ticks) => ticks.map((v) => (v === null ? "" : format(v))) },
      ],
      series: [{}, ...shown.map(seriesOptions)],
      hooks: {
        setCursor: [
          (u) => {
            const index = u.cursor.idx;
            const left = u.cursor.left ?? -1;
            if (index === null || index === undefined || left < 0) setHover(null);
            else setHover({ index, x: left + (u.bbox.left / devicePixelRatio), right: left > u.width / 2 });
          },
        ],
        setSelect: [
          (u) => {
            if (u.select.width > 6) latest.current.onZoom?.(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    };
    const made = new uPlot(options, toData(latest.current), element);
    plot.current = made;
    made.over.addEventListener("click", () => {
      if (made.cursor.idx !== null && made.cursor.idx !== undefined) latest.current.onPick?.(made.cursor.idx);
    });
    const resize = new ResizeObserver(([entry]) => entry && made.setSize({ width: Math.max(120, Math.floor(entry.contentRect.width)), height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
    // `shape` stands for everything that decides how it is drawn; data flows in below.
  }, [shape, height, theme, zone]);

  useEffect(() => {
    const draw = () => {
      drawnAt.current = performance.now();
      plot.current?.setData(toData(latest.current));
    };
    const wait = drawnAt.current + DRAW_EVERY - performance.now();
    if (wait <= 0) return draw();
    const timer = setTimeout(draw, wait);
    return () => clearTimeout(timer);
  }, [times, series, range]);

  return (
    <div className="relative" role="img" aria-label={label}>
      <div ref={host} style={{ height }} className={onPick ? "cursor-pointer" : undefined} />
      {hover && card && (
        <div
          className="pointer-events-none absolute top-1 z-20 min-w-36 rounded-md border border-line bg-raised px-2.5 py-2 text-xs shadow-pop"
          style={hover.right ? { right: `calc(100% - ${hover.x - 12}px)` } : { left: hover.x + 12 }}
        >
          {card(hover.index)}
        </div>
      )}
    </div>
  );
}

function toData(props: ChartProps): uPlot.AlignedData {
  const values = props.stacked ? stack(props.series).reverse() : props.series.map((s) => [...s.values]);
  return [[...props.times], ...values] as uPlot.AlignedData;
}

/** What the colours of a chart mean, with the same shapes. */
export function Legend({ items }: { items: readonly { label: string; color: string; mark?: ReactNode }[] }) {
  return (
    <ul className="flex flex-wrap gap-x-3 gap-y-1 text-xs text-muted">
      {items.map((item) => (
        <li key={item.label} className="inline-flex items-center gap-1.5">
          <span style={{ color: item.color }} className="inline-flex">{item.mark ?? <span className="block size-2 rounded-[2px]" style={{ background: item.color }} />}</span>
          {item.label}
        </li>
      ))}
    </ul>
  );
}
