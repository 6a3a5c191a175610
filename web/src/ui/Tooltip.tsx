// Short words on hover and focus, and richer cards on hover.
import type { ReactNode } from "react";
import { HoverCard as RadixHoverCard, Tooltip as RadixTooltip } from "radix-ui";
import { Kbd } from "./Kbd";

export const TooltipProvider = ({ children }: { children: ReactNode }) => (
  <RadixTooltip.Provider delayDuration={350} skipDelayDuration={200}>{children}</RadixTooltip.Provider>
);

interface TooltipProps {
  text: ReactNode;
  shortcut?: string;
  side?: "top" | "bottom" | "left" | "right";
  children: ReactNode;
}

export function Tooltip({ text, shortcut, side = "bottom", children }: TooltipProps) {
  return (
    <RadixTooltip.Root>
      <RadixTooltip.Trigger asChild>{children}</RadixTooltip.Trigger>
      <RadixTooltip.Portal>
        <RadixTooltip.Content
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 flex max-w-80 animate-pop items-center gap-2 rounded-md border border-line bg-raised px-2 py-1 text-xs text-fg shadow-pop"
        >
          {text}
          {shortcut && <Kbd>{shortcut}</Kbd>}
        </RadixTooltip.Content>
      </RadixTooltip.Portal>
    </RadixTooltip.Root>
  );
}

export function HoverCard({ card, children, side = "bottom" }: { card: ReactNode; children: ReactNode; side?: "top" | "bottom" | "left" | "right" }) {
  return (
    <RadixHoverCard.Root openDelay={300} closeDelay={120}>
      <RadixHoverCard.Trigger asChild>{children}</RadixHoverCard.Trigger>
      <RadixHoverCard.Portal>
        <RadixHoverCard.Content
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 w-72 animate-pop rounded-lg border border-line bg-raised p-3 text-sm shadow-pop"
        >
          {card}
        </RadixHoverCard.Content>
      </RadixHoverCard.Portal>
    </RadixHoverCard.Root>
  );
}
