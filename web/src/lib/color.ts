// Colours for canvases, which know neither CSS variables nor light-dark().

let probe: HTMLElement | null = null;

/** What a CSS colour is now, as a canvas understands it; optionally made transparent. */
export function cssColor(color: string, alpha?: number): string {
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = alpha === undefined ? color : `color-mix(in srgb, ${color} ${alpha * 100}%, transparent)`;
  return getComputedStyle(probe).color;
}
