/**
 * Small charts: bars over days, and how full something is. Numbers stand beside them as text, too.
 *
 * @module
 */
import { showCompact, showDay, showNumber } from "./format.ts";
import { TEXTS } from "./texts/mod.ts";

const T = TEXTS.chart;

/** One day of a {@linkcode DayBars}. */
export interface DayValue {
  /** `2026-01-31` */
  readonly day: string;
  /** Stacked from the bottom. */
  readonly parts: readonly number[];
}

/** Parts of the height at which there are lines, and numbers beside them. */
const TICKS = 4;

/** Bars for days, in order, stacked of `names`; a line where the limit is, if that is near them. */
export function DayBars({ label, names, days, limit, show = showNumber, showTick = showCompact }: {
  label: string;
  names: readonly string[];
  days: readonly DayValue[];
  limit?: number | undefined;
  /** A value in words. @default as a number */
  show?: (value: number) => string;
  /** A value beside the axis. @default as a short number */
  showTick?: (value: number) => string;
}) {
  const totals = days.map(({ parts }) => parts.reduce((sum, part) => sum + part, 0));
  const highest = Math.max(0, ...totals);
  // A limit far above would press the bars flat; then the legend alone tells it.
  const isLimitNear = limit !== undefined && limit <= highest * 4;
  const top = niceTop(Math.max(highest, isLimitNear ? limit : 0) || TICKS);
  const at = (value: number): number => 100 - 100 * value / top;
  const width = days.length * 10;
  const text = ({ day, parts }: DayValue): string =>
    [showDay(day), ...parts.map((part, i) => `${names[i] ?? ""} ${show(part)}`)].join(" · ");
  return (
    <figure class="chart">
      <figcaption>
        <span>{label}</span>
        <span class="legend">
          {names.map((name, i) => <span key={name} class={`key part-${i}`}>{name}</span>)}
          {limit === undefined ? null : (
            <span class="key limit">
              {T.limit(show(limit))}
            </span>
          )}
        </span>
      </figcaption>
      <div class="plot">
        <div class="axis-y muted" aria-hidden="true">
          {Array.from(
            { length: TICKS + 1 },
            (_, i) => <span key={String(i)}>{showTick(top * (TICKS - i) / TICKS)}</span>,
          )}
        </div>
        <svg
          viewBox={`0 0 ${width} 100`}
          preserveAspectRatio="none"
          role="img"
          aria-label={T.summary(label, show(totals.reduce((sum, one) => sum + one, 0)))}
        >
          {Array.from({ length: TICKS }, (_, i) => (
            <line
              key={`tick ${i}`}
              class="tick"
              x1={0}
              x2={width}
              y1={100 * i / TICKS}
              y2={100 * i / TICKS}
            />
          ))}
          {days.flatMap(({ day, parts }, column) =>
            parts.map((part, i) => {
              const below = parts.slice(0, i).reduce((sum, one) => sum + one, 0);
              return (
                <rect
                  key={`${day} ${i}`}
                  class={`part-${i}`}
                  x={column * 10 + 1}
                  width={8}
                  y={at(below + part)}
                  height={Math.max(0, at(below) - at(below + part))}
                />
              );
            })
          )}
          {isLimitNear
            ? <line class="limit" x1={0} x2={width} y1={at(limit)} y2={at(limit)} />
            : null}
          {days.map((value, column) => (
            <rect key={value.day} class="day" x={column * 10} width={10} y={0} height={100}>
              <title>{text(value)}</title>
            </rect>
          ))}
        </svg>
        <div class="axis-x muted" aria-hidden="true">
          {[0, Math.floor(days.length / 2), days.length - 1].map((i) => (
            <span key={String(i)}>{showDay(days[i]?.day ?? "")}</span>
          ))}
        </div>
        {highest === 0 ? <p class="nothing muted">{T.nothing}</p> : null}
      </div>
      <details>
        <summary>{T.asTable}</summary>
        <table role="table" aria-label={label}>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">{T.day}</th>
              {names.map((name) => (
                <th key={name} role="columnheader" scope="col" class="num">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {days.filter(({ parts }) => parts.some((part) => part > 0)).map(({ day, parts }) => (
              <tr role="row" key={day}>
                <td role="cell" data-title={T.day}>{showDay(day)}</td>
                {parts.map((part, i) => (
                  <td role="cell" key={names[i]} data-title={names[i]} class="num">
                    {show(part)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** The least of 1, 2, 2.5 and 5 times a power of ten, times {@linkcode TICKS}, that is enough. */
function niceTop(value: number): number {
  const step = value * 1.02 / TICKS;
  const power = 10 ** Math.floor(Math.log10(step));
  const nice = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= step) ?? 10;
  return TICKS * nice * power;
}

/** How much of a limit is used; it turns amber at four fifths and red when nothing is left. */
export function Fill({ used, limit, label }: { used: number; limit: number; label: string }) {
  const part = limit === 0 ? 1 : Math.min(1, used / limit);
  const tone = part >= 1 ? "bad" : part >= 0.8 ? "warn" : "good";
  return (
    <svg
      class={`fill ${tone}`}
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <rect class="whole" width={100} height={6} rx={3} />
      <rect class="used" width={part * 100} height={6} rx={3} />
    </svg>
  );
}
