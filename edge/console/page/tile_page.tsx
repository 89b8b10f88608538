/**
 * A page of tiles: one for each thing there is, or how to get the first.
 *
 * @module
 */
import type { Child } from "hono/jsx/dom";
import type { Query } from "./query.ts";
import { Command, Empty, Failure, Loading, PageHead } from "./ui.tsx";

/** What the page says of itself, and when there is nothing. */
interface TilePageTexts {
  readonly intro: string;
  readonly emptyTitle: string;
  readonly empty: string;
  readonly emptyCommand: string;
}

/** The page, as far as its question is answered. */
export function TilePage<T>({ title, texts, query: { data, error, refresh }, show }: {
  title: string;
  texts: TilePageTexts;
  query: Query<readonly T[]>;
  /** One tile, with a key. */
  show: (one: T) => Child;
}) {
  return (
    <>
      <PageHead title={title} intro={texts.intro} />
      {error === undefined ? null : <Failure error={error} onRetry={refresh} />}
      {data === undefined && error === undefined ? <Loading /> : null}
      {data?.length === 0
        ? (
          <Empty title={texts.emptyTitle}>
            <p>{texts.empty}</p>
            <Command text={texts.emptyCommand} />
          </Empty>
        )
        : null}
      <div class="tiles">{data?.map(show)}</div>
    </>
  );
}
