// Waiting for a condition: the one place of these tests that pauses between two looks.

/** How long a condition may take to come true, on the slowest machine that runs this. */
export const PATIENCE_MS = 90_000;
/** How long a test may take that looks at every page. */
export const WALK_MS = 1_500_000;

/** Short beside everything that is waited for. */
const BETWEEN_LOOKS_MS = 25;

export async function until<T>(what: string, look: () => T | Promise<T>, within = PATIENCE_MS): Promise<NonNullable<T>> {
  const began = Date.now();
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() - began > within) throw new Error(`waited ${within / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
}
