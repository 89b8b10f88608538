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

/** Seals and opens texts. */
export interface Sealer {
  readonly seal: (where: SealPlace, text: string) => Uint8Array;
  /** @throws {CodedError} `sealed_unreadable` */
  readonly openText: (where: SealPlace, sealed: Uint8Array) => string;
}
