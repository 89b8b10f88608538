/**
 * The config as operators are shown it.
 *
 * @module
 */

/** One thing wrong with the config, as `nexo check` tells it. */
export interface ConfigProblemView {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly fix: string;
}

/** The config in force. */
export interface ConfigOverview {
  readonly version: number;
  readonly dir: string;
  /** Of the files in force. */
  readonly problems: readonly ConfigProblemView[];
  /** Why newer files were refused; null when the files in force are the newest. */
  readonly refused: readonly ConfigProblemView[] | null;
  readonly reloads: { readonly applied: number; readonly rejected: number };
}
