/**
 * What an import says of itself.
 *
 * @module
 */

/** One thing of the home that is read. */
export interface ImportNote {
  /** Relative to the home. */
  readonly file: string;
  readonly what: string;
}

/** Collects notes while an import is planned. */
export interface ImportNotes {
  readonly took: ImportNote[];
  /** Things that are written otherwise than they stand, or mean something else here. */
  readonly changed: ImportNote[];
  /** Things that are left behind, each with what to do about it. */
  readonly could_not: (ImportNote & { readonly fix: string })[];
}

/** Starts with nothing. */
export function createNotes(): ImportNotes {
  return { took: [], changed: [], could_not: [] };
}
