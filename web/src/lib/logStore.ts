// The lines of one attempt as a list of any length: pages come when they are looked at, live lines are appended.
import type { Collection, LogEntry, LogLevel, LogQuery } from "@/api";

export interface LogFilter {
  level?: LogLevel;
  task?: string;
  search?: string;
}

type Fetch = (query: LogQuery, signal: AbortSignal) => Promise<Collection<LogEntry>>;

/** Lines asked for at once: the most that the server gives. */
export const PAGE = 1_000;
/** Pages kept in memory; those not looked at for longest go first. */
const MOST_PAGES = 40;
/** A filter that finds more shows the first so many: nobody reads on. */
export const MOST_FILTERED = 20_000;
const LEVELS: LogLevel[] = ["debug", "info", "warning", "error", "critical"];

export const isFilter = (f: LogFilter): boolean => Boolean(f.level || f.task || f.search);

export function fits(line: LogEntry, f: LogFilter): boolean {
  if (f.level && LEVELS.indexOf(line.level) < LEVELS.indexOf(f.level)) return false;
  if (f.task && line.task !== f.task) return false;
  return !f.search || line.message.toLowerCase().includes(f.search.toLowerCase());
}

/**
 * Without a filter lines count from 1 without gaps, so line `i` is at index `i - 1`, and any page can be asked for.
 * With one the matching lines are read from the first on.
 */
export class LogStore {
  count = 0;
  loading = true;
  error: unknown = null;
  /** The filter finds more than is shown. */
  cut = false;
  version = 0;
  private pages = new Map<number, (LogEntry | undefined)[]>();
  private asked = new Set<number>();
  private used = new Map<number, number>();
  private list: LogEntry[] = [];
  private listeners = new Set<() => void>();
  private abort = new AbortController();
  private tick = 0;

  constructor(
    private readonly fetchPage: Fetch,
    readonly attempt: number,
    readonly filter: LogFilter,
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  snapshot = (): number => this.version;

  private changed() {
    this.version += 1;
    this.listeners.forEach((listener) => listener());
  }

  stop() {
    this.abort.abort();
  }

  /** Fetches the end of the log (or, with a filter, all that fits); resolves when the first lines are there. */
  async start(): Promise<void> {
    this.loading = true;
    try {
      if (isFilter(this.filter)) await this.readFiltered();
      else {
        const page = await this.fetchPage({ attempt: this.attempt, tail: true, limit: PAGE }, this.abort.signal);
        this.put(page.items);
      }
      this.error = null;
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.error = error;
    }
    this.loading = false;
    this.changed();
  }

  private async readFiltered() {
    let cursor: string | undefined;
    do {
      const page: Collection<LogEntry> = await this.fetchPage({ ...this.filter, attempt: this.attempt, limit: PAGE, cursor }, this.abort.signal);
      this.addFiltered(page.items);
      cursor = page.next ?? undefined;
      this.loading = Boolean(cursor);
      this.changed();
    } while (cursor && this.count < MOST_FILTERED);
    this.cut = Boolean(cursor);
  }

  private addFiltered(lines: readonly LogEntry[]) {
    const last = this.list.at(-1)?.seq ?? 0;
    for (const line of lines) if (line.seq > last && this.list.length < MOST_FILTERED) this.list.push(line);
    this.count = this.list.length;
  }

  private put(lines: readonly LogEntry[]) {
    for (const line of lines) {
      const number = Math.floor((line.seq - 1) / PAGE);
      let page = this.pages.get(number);
      if (!page) this.pages.set(number, (page = []));
      page[(line.seq - 1) % PAGE] = line;
      this.count = Math.max(this.count, line.seq);
    }
  }

  /** Lines that were just written. */
  append(lines: readonly LogEntry[]) {
    const mine = lines.filter((line) => line.attempt === this.attempt);
    if (mine.length === 0) return;
    if (isFilter(this.filter)) {
      if (!this.loading) this.addFiltered(mine.filter((line) => fits(line, this.filter)));
    } else this.put(mine);
    this.changed();
  }

  at(index: number): LogEntry | undefined {
    if (isFilter(this.filter)) return this.list[index];
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The highest number that was seen, to go on from. */
  lastSeq(): number {
    return isFilter(this.filter) ? (this.list.at(-1)?.seq ?? 0) : this.count;
  }

  /** Whatever is looked at is fetched, and kept longest. */
  ensure(from: number, to: number) {
    if (isFilter(this.filter)) return;
    for (let number = Math.floor(from / PAGE); number <= Math.floor(to / PAGE); number++) {
      this.used.set(number, ++this.tick);
      if (this.asked.has(number) || this.isWhole(number)) continue;
      this.asked.add(number);
      void this.fetchPage({ attempt: this.attempt, limit: PAGE, cursor: number > 0 ? `${this.attempt}.${number * PAGE}` : undefined }, this.abort.signal)
        .then((page) => this.put(page.items))
        .catch((error: unknown) => {
          if (!this.abort.signal.aborted) this.error = error;
        })
        .finally(() => {
          this.asked.delete(number);
          this.evict();
          this.changed();
        });
    }
  }

  private isWhole(number: number): boolean {
    const page = this.pages.get(number);
    const want = Math.min(PAGE, this.count - number * PAGE);
    return page !== undefined && page.length >= want && page[0] !== undefined;
  }

  private evict() {
    while (this.pages.size > MOST_PAGES) {
      const oldest = [...this.pages.keys()].sort((a, b) => (this.used.get(a) ?? 0) - (this.used.get(b) ?? 0))[0];
      if (oldest === undefined) return;
      this.pages.delete(oldest);
    }
  }
}
