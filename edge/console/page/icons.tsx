/**
 * The icons: strokes on a 24-unit grid, in the colour of the text around them.
 *
 * @module
 */

const PATHS = {
  logo: "M3 12h4l3-7 4 14 3-7h4",
  pulse: "M3 12h4l3-8 4 16 3-8h4",
  inbox: "M4 13v5a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-5M4 13l3-8h10l3 8M4 13h5l1 3h4l1-3h5",
  turns: "M4 5h16v11H9l-5 4zM8 9h8M8 12h5",
  blocks: "M4 4h7v7H4zM13 13h7v7h-7zM4 13h7v7H4zM16.500 4v7M13 7.500h7",
  people:
    "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14a6.500 6.500 0 0 1 3.500 6",
  send: "M21 3L10 14M21 3l-7 18-4-7-7-4z",
  list: "M4 6h16M4 12h16M4 18h10",
  shield: "M12 3l8 3v6c0 5-3.500 8-8 9-4.500-1-8-4-8-9V6zM8.500 12l2.500 2.500 4.500-5",
  heart: "M12 20s-8-5-8-10.500A4.500 4.500 0 0 1 12 7a4.500 4.500 0 0 1 8 2.500C20 15 12 20 12 20z",
  more: "M5 12h.010M12 12h.010M19 12h.010",
  sun:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600L19 19M19 5l-1.400 1.400M6.400 17.600L5 19",
  moon: "M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  keyboard: "M3 7h18v10H3zM7 10.500h.010M11 10.500h.010M15 10.500h.010M8 14h8",
  leave: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
} as const;

/** A name of {@linkcode Icon}. */
export type IconName = keyof typeof PATHS;

/** Decoration: whatever it stands beside or in has a name of its own. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="svg" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.8"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
