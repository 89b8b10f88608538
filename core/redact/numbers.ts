/**
 * Payment cards and phone numbers in text.
 *
 * Both are found in runs of digit groups with single separators between them. What is cut out of a
 * run begins and ends at the run's ends or at a space, so that ids joined by dashes stay whole.
 *
 * @module
 */
import { mark } from "./rules.ts";

/**
 * A run, if it can hold seven digits. One group needs a character between it and the next, so a run
 * can be read in one way only.
 */
const RUN =
  /(?=[\d(+][\d() \u00a0\u2009\u202f.\u2010-\u2013-]{6})\+?\(?\d+(?:(?:\)?[ \u00a0\u2009\u202f.\u2010-\u2013-]\(?|\)\(?|\()\d+)*\)?/g;
/** A run right behind these is part of an id, a path, a version or a time. */
const ID_BEFORE = /[\w.\-/#@+]$|\d:$/;
const ID_AFTER = /^(?:(?!x\d)\w|-\w|:\d|@|\/\w)/;

const MAX_GROUPS = 6;
const MIN_PHONE_DIGITS = 7;
/** E.164 allows no more. */
const MAX_PHONE_DIGITS = 15;

/** Lengths of digit groups that people write phone numbers in, and what the first may begin with. */
const PHONE_SHAPES: ReadonlyMap<string, RegExp> = new Map([
  ["3-7", /^[2-9]/],
  ["3-3-4", /^[2-9]/],
  ["1-3-3-4", /^[17]/],
  ["2-3-3-4", /^[1-9]/],
  ["3-3-3-4", /^[2-9]/],
  ["3-3-3", /^[5-9]/],
  ["3-4-4", /^[01]/],
  ["4-6", /^0/],
  ["5-6", /^0/],
  ["4-3-3", /^0/],
  ["5-3-3", /^0/],
  ["5-5", /^[6-9]/],
  ["2-4-4", /^[0-9]/],
  ["2-5-4", /^[0-9]/],
  ["2-1-4-4", /^[1-9]/],
  ["2-2-4-4", /^[1-9]/],
  ["2-2-5-4", /^[1-9]/],
  ["3-2-2-2", /^[5-9]/],
  ["2-3-2-2", /^[089]/],
  ["3-3-2-2", /^[2-9]/],
  ["2-2-2-2-2", /^0[1-9]/],
]);
/** The few of them that are not rather a version or an address when written with dots. */
const DOTTED_SHAPES = new Set(["3-3-4", "1-3-3-4", "2-3-3-4", "2-2-2-2-2"]);

interface Group {
  readonly digits: string;
  /** Where the group and the brackets around it stand in the run. */
  readonly start: number;
  readonly end: number;
  /** What stands between the group before and this one. */
  readonly gap: string;
}

/** Replaces payment cards (13 to 19 digits that pass the Luhn check) and phone numbers. */
export function redactNumbers(text: string): string {
  return text.replace(RUN, (run: string, offset: number, whole: string) => {
    const before = whole.slice(Math.max(0, offset - 2), offset);
    const after = whole.slice(offset + run.length, offset + run.length + 2);
    return redactRun(run, { before, after });
  });
}

interface Around {
  readonly before: string;
  readonly after: string;
}

function redactRun(run: string, { before, after }: Around): string {
  const groups = groupsOf(run);
  if (countDigits(groups) < MIN_PHONE_DIGITS) return run;
  const plus = run.startsWith("+") && !/[\w+]$/.test(before);
  const first = ID_BEFORE.test(before) || (run.startsWith("+") && !plus) ? nextCut(groups, 0) : 0;
  const last = ID_AFTER.test(after) ? lastCut(groups) : groups.length;
  if (plus) return redactInternational(run, groups, after);
  return redactBetween(run, groups, first, last);
}

function groupsOf(run: string): Group[] {
  const groups: Group[] = [];
  let end = 0;
  for (const match of run.matchAll(/\+?(?:\((\d+)\)|(\d+))/g)) {
    groups.push({
      digits: match[1] ?? match[2] ?? "",
      start: match.index,
      end: match.index + match[0].length,
      gap: run.slice(end, match.index),
    });
    end = match.index + match[0].length;
  }
  return groups;
}

function countDigits(groups: readonly Group[]): number {
  return groups.reduce((sum, { digits }) => sum + digits.length, 0);
}

/** Whether something may begin at group `i`. */
function isCut(groups: readonly Group[], i: number): boolean {
  return i === 0 || i >= groups.length || /[\s(]/.test(groups[i]?.gap ?? "");
}

function nextCut(groups: readonly Group[], i: number): number {
  let next = i + 1;
  while (!isCut(groups, next)) next++;
  return next;
}

function lastCut(groups: readonly Group[]): number {
  let last = groups.length - 1;
  while (last > 0 && !isCut(groups, last)) last--;
  return last;
}

/** A number with a plus: as many groups as a phone number can have, then the rest as any other. */
function redactInternational(run: string, groups: readonly Group[], after: string): string {
  let count = 0;
  let digits = 0;
  for (const group of groups) {
    if (digits + group.digits.length > MAX_PHONE_DIGITS) break;
    digits += group.digits.length;
    count++;
  }
  if (digits < MIN_PHONE_DIGITS) return redactBetween(run, groups, 0, groups.length);
  const end = groups[count - 1]?.end ?? 0;
  return mark("phone") + redactRun(run.slice(end), { before: "", after });
}

/** Replaces what is found between groups `first` and `last`, the longest first. */
function redactBetween(
  run: string,
  groups: readonly Group[],
  first: number,
  last: number,
): string {
  const pieces: string[] = [];
  let kept = 0;
  let i = first;
  while (i < last) {
    const found = longestAt(groups, i, last);
    if (found === undefined) {
      i = nextCut(groups, i);
      continue;
    }
    pieces.push(run.slice(kept, groups[i]?.start ?? kept), mark(found.label));
    kept = groups[found.end - 1]?.end ?? kept;
    i = found.end;
  }
  return pieces.join("") + run.slice(kept);
}

function longestAt(
  groups: readonly Group[],
  start: number,
  last: number,
): { label: string; end: number } | undefined {
  for (let end = Math.min(start + MAX_GROUPS, last); end > start; end--) {
    if (!isCut(groups, end)) continue;
    const window = groups.slice(start, end);
    if (countDigits(window) < MIN_PHONE_DIGITS) break;
    if (isCard(window)) return { label: "card", end };
    if (isPhone(window)) return { label: "phone", end };
  }
  return undefined;
}

function isCard(window: readonly Group[]): boolean {
  if (window.some(({ gap }, i) => i > 0 && !/^[ \u00a0-]$/.test(gap))) return false;
  const digits = window.map((group) => group.digits).join("");
  // No issuer has another first digit; times in milliseconds to nanoseconds begin with 1.
  return /^(?:[2-68]\d{12,18}|1\d{14})$/.test(digits) && passesLuhn(digits);
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += i % 2 === 0 ? digit : doubled;
  }
  return sum % 10 === 0;
}

function isPhone(window: readonly Group[]): boolean {
  const shape = window.map(({ digits }) => digits.length).join("-");
  const gaps = window.slice(1).map(({ gap }) => gap);
  if (gaps.some((gap) => gap.includes("."))) {
    if (!DOTTED_SHAPES.has(shape) || gaps.some((gap) => gap !== ".")) return false;
  }
  // Round numbers count something.
  if (window.slice(1).every(({ digits }) => /^0+$/.test(digits))) return false;
  // "555-1234" is a number to call; "300 2024" is just two numbers.
  if (shape === "3-4") return gaps[0] === "-";
  return PHONE_SHAPES.get(shape)?.test(window[0]?.digits ?? "") ?? false;
}
