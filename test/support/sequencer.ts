/**
 * The order of test files: those that take long are not the last to begin.
 *
 * @module
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of a minute or more, the longest first; on a new machine nothing else tells. */
const LONG = [
  "documented_commands",
  "browser/walkthrough",
  "chaos/kill",
  "browser/pages",
  "microapp_authors",
  "chaos/halves",
  "edge_snapshot",
  "integration/spine",
];

function rank({ moduleId }: TestSpecification): number {
  const place = LONG.findIndex((name) => moduleId.includes(name));
  return place < 0 ? LONG.length : place;
}

const turnOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;

/** Vitest's own order but for the long files of each turn. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => turnOf(a) - turnOf(b) || rank(a) - rank(b));
  }
}
