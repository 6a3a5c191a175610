// Under which path of its host the server lies, as it wrote into the page: "" at the top, or "/baton".

export const BASE_PATH: string = typeof document === "undefined" ? "" : (document.querySelector<HTMLMetaElement>('meta[name="baton-base"]')?.content ?? "");

/** A path of the address bar as the router knows it. */
export function inner(path: string, base = BASE_PATH): string {
  if (!base || !(path === base || path.startsWith(`${base}/`))) return path;
  return path.slice(base.length) || "/";
}

/** Where a page that was opened without the server's path belongs; undefined where it is right. */
export function moved(path: string, base = BASE_PATH): string | undefined {
  return base && inner(path, base) === path ? base + path : undefined;
}
