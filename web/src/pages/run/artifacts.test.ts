// A file is looked at as what it is, and never fetched beyond its bound.
import { afterEach, expect, test, vi } from "vitest";
import { beginning, lookOf, MOST_BYTES } from "./artifacts";

afterEach(() => vi.unstubAllGlobals());

test("the media type decides, and the ending where it says nothing", () => {
  const look = (content_type: string, name: string) => lookOf({ content_type, name });
  expect(look("text/html; charset=utf-8", "report.txt")).toBe("page");
  expect(look("text/csv; charset=utf-8", "a")).toBe("table");
  expect(look("application/octet-stream", "log.html")).toBe("page");
  expect(look("text/plain", "rows.csv")).toBe("table");
  expect(look("application/pdf", "x")).toBe("pdf");
  expect(look("application/octet-stream", "x.pdf")).toBe("none");
  expect(look("image/png", "x")).toBe("picture");
  expect(look("application/zip", "x.zip")).toBe("none");
});

test("a large file is read to the bound and no further", async () => {
  let given = 0;
  const endless = new ReadableStream<Uint8Array>({ pull: (c) => { given += 100_000; c.enqueue(new Uint8Array(100_000).fill(97)); } });
  vi.stubGlobal("fetch", async () => new Response(endless));
  const { text, cut } = await beginning("/x", new AbortController().signal);
  expect([text.length, cut]).toEqual([MOST_BYTES, true]);
  expect(given).toBeLessThan(MOST_BYTES + 300_000);
});
