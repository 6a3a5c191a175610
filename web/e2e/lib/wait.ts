// Waiting for a condition: the one place of these tests that pauses between two looks.

/** Short beside everything that is waited for. */
const BETWEEN_LOOKS_MS = 25;

export async function until<T>(what: string, look: () => T | Promise<T>, within = 30_000): Promise<NonNullable<T>> {
  const began = Date.now();
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() - began > within) throw new Error(`waited ${within / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
}
