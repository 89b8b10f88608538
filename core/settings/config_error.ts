/**
 * Config files that cannot be used, with all that is wrong with them.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { Problem } from "./problems.ts";

/** Config files that stop a start, a reload or a change. */
export class ConfigError extends CodedError {
  readonly configDir: string;
  /** All of them, warnings included. */
  readonly problems: readonly Problem[];
  /** Whether the files were fine and the change that was asked for is what is wrong. */
  readonly refused: boolean;

  constructor(
    configDir: string,
    problems: readonly Problem[],
    { refused = false }: { refused?: boolean } = {},
  ) {
    const errors = problems.filter(({ severity }) => severity === "error");
    const [first] = errors;
    const where = first === undefined ? "" : `: ${first.file}:${first.line} ${first.message}`;
    const count = `${errors.length} error${errors.length === 1 ? "" : "s"}`;
    super(
      "config_invalid",
      refused
        ? `Cannot change config "${configDir}": it would have ${count}${where}`
        : `Cannot use config "${configDir}": ${count}${where}`,
    );
    this.configDir = configDir;
    this.problems = problems;
    this.refused = refused;
  }
}
