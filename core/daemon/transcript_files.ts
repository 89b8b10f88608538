/**
 * Which agents want their transcripts as files, and where.
 *
 * @module
 */
import type { Settings } from "../settings/settings.ts";

/** Returns the directories by agent, worked out once for each snapshot of the settings. */
export function createTranscriptDirs(
  settings: () => Settings,
): () => ReadonlyMap<string, string> {
  let knownFor: Settings | undefined;
  let dirs: ReadonlyMap<string, string> = new Map();
  return () => {
    const now = settings();
    if (now === knownFor) return dirs;
    knownFor = now;
    dirs = new Map(
      [...now.agents.values()].flatMap(({ id, transcripts_dir: dir = "" }) =>
        dir === "" ? [] : [[id, dir]]
      ),
    );
    return dirs;
  };
}
