/**
 * What those who fill a record and those who read it agree on.
 *
 * @module
 */

/** The one agent of all tenants. */
export const AGENT = "ana";
/** What people search for: a word in every fifth entry, one in every second, both, and two rare ones. */
export const WORDS = ["invoice", "please", "invoice please", "w1234", "w77 w4321 OR w512"];

/** The name of the tenant of that number. */
export const tenantName = (number: number): string => `tenant-${number}`;
