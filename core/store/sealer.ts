/**
 * What rooms need to keep a column sealed; the vault provides it.
 *
 * @module
 */

/** Where a sealed value lives. It opens nowhere else. */
export interface SealPlace {
  readonly table: string;
  readonly account: string;
  readonly id: string;
}

/** Seals and opens texts and bytes. */
export interface Sealer {
  /** Seals the pieces as one; texts stand for their UTF-8. */
  readonly seal: (where: SealPlace, ...pieces: readonly (string | Uint8Array)[]) => Uint8Array;
  /** @throws {CodedError} `sealed_unreadable` */
  readonly open: (where: SealPlace, sealed: Uint8Array) => Uint8Array;
  /** @throws {CodedError} `sealed_unreadable` */
  readonly openText: (where: SealPlace, sealed: Uint8Array) => string;
}
