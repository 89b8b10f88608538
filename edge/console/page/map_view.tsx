/**
 * The map on the screen: places as boxes, ways between them as lines, and each passage as a spark.
 *
 * @module
 */
import { useEffect, useLayoutEffect, useRef, useState } from "hono/jsx/dom";
import { showNumber } from "./format.ts";
import { type FlowMap, type MapLink, type MapNode, type Stage, STAGES } from "./map.ts";
import { pathTo } from "./router.ts";
import { TEXTS } from "./texts/mod.ts";
import { Link } from "./ui.tsx";

const T = TEXTS.map;

/** A way as it is drawn. */
interface Way {
  readonly link: MapLink;
  readonly path: string;
  readonly width: number;
}

interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly ways: readonly Way[];
}

const NOTHING: Drawing = { width: 0, height: 0, ways: [] };

/** Draws a map. */
export function MapView({ map }: { map: FlowMap }) {
  const frame = useRef<HTMLDivElement>(null);
  const [drawing, draw] = useState<Drawing>(NOTHING);
  // What passed before the map was opened throws no sparks.
  const known = useRef<Map<string, number> | null>(null);
  known.current ??= new Map(map.links.map(({ id, count }) => [id, count]));
  const before = known.current ?? new Map<string, number>();

  const newest = useRef(map);
  newest.current = map;
  const measure = (): void => {
    if (frame.current !== null) draw(measured(frame.current, newest.current ?? map));
  };
  useLayoutEffect(measure, [map]);
  useEffect(() => {
    if (frame.current === null) return undefined;
    const watcher = new ResizeObserver(measure);
    watcher.observe(frame.current);
    return () => watcher.disconnect();
  }, []);

  return (
    <section class="map" aria-label={T.label}>
      <div class="map-frame" ref={frame}>
        <svg
          class="map-ways"
          width={drawing.width}
          height={drawing.height}
          viewBox={`0 0 ${drawing.width} ${drawing.height}`}
          aria-hidden="true"
        >
          {drawing.ways.map(({ link, path, width }) => (
            <path
              key={link.id}
              class={link.bad > 0 ? "way bad" : "way"}
              d={path}
              stroke-width={width}
            />
          ))}
          {drawing.ways.map(({ link, path }) =>
            link.count <= (before.get(link.id) ?? 0) ? null : (
              // A new key is a new element, so that each passage is one run of the animation.
              <path key={`${link.id} ${link.count}`} class="spark" d={path} pathLength="100" />
            )
          )}
        </svg>
        {STAGES.map((stage) => <Column key={stage} stage={stage} nodes={map.stages[stage]} />)}
      </div>
    </section>
  );
}

function Column({ stage, nodes }: { stage: Stage; nodes: readonly MapNode[] }) {
  return (
    <div class={`map-stage ${stage}`}>
      <h2>{T.stages[stage]}</h2>
      {nodes.length === 0 ? <p class="muted">{T.none[stage]}</p> : (
        <ul>
          {nodes.map((node) => (
            <li key={node.id}>
              <Node node={node} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Node({ node }: { node: MapNode }) {
  const { id, name, count, bad, busy, others } = node;
  const face = (
    <>
      <span class="node-name">{others > 0 ? T.others(others) : shortName(name)}</span>
      <span class="node-count">
        {showNumber(count)}
        {bad === 0 ? null : <span class="node-bad">{T.bad(bad)}</span>}
        {busy === 0 ? null : <span class="node-busy">{T.busy(busy)}</span>}
      </span>
    </>
  );
  const look = `node${bad > 0 ? " has-bad" : ""}${busy > 0 ? " is-busy" : ""}`;
  return others > 0
    ? <div class={look} data-node={id}>{face}</div>
    : <Link to={placeOf(node)} class={look} data-node={id}>{face}</Link>;
}

/** Where one reads more of a place. */
function placeOf({ stage, name }: MapNode): string {
  const said = encodeURIComponent(name);
  switch (stage) {
    case "in":
      return name.includes(":")
        ? `${pathTo("live")}?q=${said}`
        : `${pathTo("deliveries")}?source=${said}`;
    case "agent":
      return `${pathTo("turns")}?agent=${said}`;
    case "tool":
      return `${pathTo("live")}?q=${said}`;
    case "out":
      return pathTo("channels");
  }
}

/** Tools of microapps without the prefix they all have; a line may end where a word does. */
function shortName(name: string): string {
  return name.replace(/^ext_/, "").replaceAll(/[_:.-]/g, (mark) => `${mark}\u200B`);
}

/** Lines from the end of each box to the beginning of the next; down where stages lie below each other. */
function measured(frame: HTMLElement, { links }: FlowMap): Drawing {
  const origin = frame.getBoundingClientRect();
  const boxes = new Map<string, DOMRect>();
  for (const element of frame.querySelectorAll<HTMLElement>("[data-node]")) {
    boxes.set(element.dataset["node"] ?? "", element.getBoundingClientRect());
  }
  const [first, second] = [...frame.querySelectorAll(".map-stage")].map((stage) =>
    stage.getBoundingClientRect()
  );
  const isDown = first !== undefined && second !== undefined && second.top >= first.bottom;
  const most = Math.max(1, ...links.map(({ count }) => count));
  const ways = links.flatMap((link): Way[] => {
    const from = boxes.get(link.from);
    const to = boxes.get(link.to);
    if (from === undefined || to === undefined) return [];
    const width = 1.5 + 3.5 * Math.sqrt(link.count / most);
    return [{ link, width, path: isDown ? curveDown(from, to, origin) : curve(from, to, origin) }];
  });
  return { width: Math.round(origin.width), height: Math.round(origin.height), ways };
}

function curve(from: DOMRect, to: DOMRect, { left, top }: DOMRect): string {
  const [x1, x2] = [Math.round(from.right - left), Math.round(to.left - left)];
  const [y1, y2] = [middle(from.top, from.bottom, top), middle(to.top, to.bottom, top)];
  const x = Math.round((x1 + x2) / 2);
  return `M${x1} ${y1}C${x} ${y1} ${x} ${y2} ${x2} ${y2}`;
}

function curveDown(from: DOMRect, to: DOMRect, { left, top }: DOMRect): string {
  const [x1, x2] = [middle(from.left, from.right, left), middle(to.left, to.right, left)];
  const [y1, y2] = [Math.round(from.bottom - top), Math.round(to.top - top)];
  const y = Math.round((y1 + y2) / 2);
  return `M${x1} ${y1}C${x1} ${y} ${x2} ${y} ${x2} ${y2}`;
}

function middle(start: number, end: number, origin: number): number {
  return Math.round((start + end) / 2 - origin);
}
