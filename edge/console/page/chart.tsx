/**
 * Small charts: bars over days, and how full something is. Numbers stand beside them as text, too.
 *
 * @module
 */
import { showNumber } from "./format.ts";
import { TEXTS } from "./texts.ts";

const T = TEXTS.chart;

/** One day of a {@linkcode DayBars}. */
export interface DayValue {
  /** `2026-01-31` */
  readonly day: string;
  /** Stacked from the bottom. */
  readonly parts: readonly number[];
}

/** Bars for days, in order, stacked of `names`; a line where the limit is, if there is one. */
export function DayBars({ label, names, days, limit }: {
  label: string;
  names: readonly string[];
  days: readonly DayValue[];
  limit?: number | undefined;
}) {
  const totals = days.map(({ parts }) => parts.reduce((sum, part) => sum + part, 0));
  const most = Math.max(1, limit ?? 0, ...totals) * 1.05;
  const at = (value: number): number => 100 - 100 * value / most;
  return (
    <figure class="chart">
      <figcaption>
        <span>{label}</span>
        <span class="legend">
          {names.map((name, i) => <span key={name} class={`key part-${i}`}>{name}</span>)}
          {limit === undefined ? null : (
            <span class="key limit">
              {T.limit(showNumber(limit))}
            </span>
          )}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${days.length * 10} 100`}
        preserveAspectRatio="none"
        role="img"
        aria-label={T.summary(label, showNumber(totals.reduce((sum, one) => sum + one, 0)))}
      >
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
        {limit === undefined
          ? null
          : <line class="limit" x1={0} x2={days.length * 10} y1={at(limit)} y2={at(limit)} />}
      </svg>
      <div class="axis muted">
        <span>{days[0]?.day ?? ""}</span>
        <span>{days.at(-1)?.day ?? ""}</span>
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
                <td role="cell" data-title={T.day}>{day}</td>
                {parts.map((part, i) => (
                  <td role="cell" key={names[i]} data-title={names[i]} class="num">
                    {showNumber(part)}
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
