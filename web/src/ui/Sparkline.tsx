// A small line without axes, for a glance.
interface SparklineProps {
  values: readonly number[];
  width?: number;
  height?: number;
  /** The top of the scale; the largest value unless given. */
  max?: number;
  color?: string;
  /** What it shows, for screen readers. */
  label: string;
}

export function sparkPath(values: readonly number[], width: number, height: number, max: number): string {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  return values
    .map((v, i) => `${i === 0 ? "M" : "L"}${(i * step).toFixed(1)} ${(height - 1 - (Math.min(v, max) / max) * (height - 2)).toFixed(1)}`)
    .join("");
}

export function Sparkline({ values: given, width = 96, height = 24, max, color = "var(--muted)", label }: SparklineProps) {
  // One value is a level, not nothing.
  const values = given.length === 1 ? [given[0] ?? 0, given[0] ?? 0] : given;
  const top = Math.max(max ?? 0, ...(max ? [] : values), 1e-9);
  const line = sparkPath(values, width, height, top);
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" width="100%" height={height} style={{ color, maxWidth: width }}>
      {values.length > 1 && (
        <>
          <path d={`${line}L${width} ${height}L0 ${height}Z`} fill="currentColor" opacity="0.1" />
          <path d={line} fill="none" stroke="currentColor" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}

/** A thin bar from nothing to full. */
export function Meter({ value, label, color = "var(--muted)" }: { value: number; label: string; color?: string }) {
  const part = Math.max(0, Math.min(1, value));
  return (
    <span role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)} className="block h-1.5 w-full overflow-hidden rounded-full bg-line">
      <span className="block h-full rounded-full transition-[width] duration-300" style={{ width: `${part * 100}%`, background: color }} />
    </span>
  );
}
