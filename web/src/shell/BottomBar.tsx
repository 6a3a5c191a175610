// On a phone: the four places people look at most, and a menu with the others.
import { Link, useNavigate } from "@tanstack/react-router";
import { Menu as MenuIcon } from "lucide-react";
import { Menu, MenuItem } from "@/ui/Menu";
import { usePlaces } from "./session";

const FIRST = 3;
const ITEM =
  "flex h-14 min-w-0 flex-1 flex-col items-center justify-center gap-0.5 text-2xs font-medium text-muted data-[status=active]:text-accent focus-visible:-outline-offset-2";

export function BottomBar() {
  const navigate = useNavigate();
  const places = usePlaces();
  const robots = places.find((p) => p.to === "/robots");
  const shown = [...places.slice(0, FIRST), ...(robots ? [robots] : [])];
  const rest = places.filter((p) => !shown.includes(p));
  return (
    <nav aria-label="Places" className="flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)]">
      {shown.map((place) => (
        <Link key={place.to} to={place.to} activeOptions={{ exact: place.to === "/" }} className={ITEM}>
          <place.icon size={20} aria-hidden />
          {place.name}
        </Link>
      ))}
      <Menu trigger={<button type="button" className={ITEM}><MenuIcon size={20} aria-hidden />More</button>}>
        {rest.map((place) => (
          <MenuItem key={place.to} icon={<place.icon size={15} />} onSelect={() => void navigate({ to: place.to })}>{place.name}</MenuItem>
        ))}
      </Menu>
    </nav>
  );
}
