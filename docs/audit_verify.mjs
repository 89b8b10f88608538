#!/usr/bin/env node
/**
 * Verifies a bundle of `nexo audit export`, offline, with nothing but Node.
 *
 *   node audit_verify.mjs bundle.jsonl [--key <key id>]
 *
 * With --key the bundle must be signed by the key of this id; note it down when you trust the place it
 * comes from (`nexo audit export` prints it). Without it you learn only that the bundle agrees with
 * itself. Exit code 0: everything holds; 1: something does not; 2: wrong usage.
 *
 * docs/audit.md describes what is checked, in words enough to write your own.
 */
import { createHash, createHmac, createPublicKey, verify } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

const args = process.argv.slice(2);
const keyAt = args.indexOf("--key");
const wantedKey = keyAt === -1 ? undefined : args[keyAt + 1];
const [file] = args.filter((_, i) => keyAt === -1 || (i !== keyAt && i !== keyAt + 1));
if (file === undefined || (keyAt !== -1 && wantedKey === undefined)) {
  console.error("usage: audit_verify.mjs <bundle.jsonl> [--key <key id>]");
  process.exit(2);
}

const problems = [];
const report = (where, problem) => problems.push(`${where}: ${problem}`);

/** JSON of strings, whole numbers, null, arrays and objects with sorted keys: RFC 8785 for what occurs. */
function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${members.join(",")}}`;
}

const pick = (row, names) => Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

let publicKey;
let chain;
let chains = 0;
let rows = 0;
let isEnded = false;

function openBundle({ format, public_key, key_id }) {
  if (format !== "nexo-audit-1") return report("bundle", `unknown format ${format}`);
  publicKey = createPublicKey(public_key);
  const id = sha256(publicKey.export({ format: "der", type: "spki" })).slice(0, 16);
  if (id !== key_id) report("bundle", `the key's id is ${id}, not ${key_id}`);
  if (wantedKey !== undefined && id !== wantedKey) {
    report("bundle", `it is signed with key ${id}, not ${wantedKey}`);
  }
}

/** Whether a statement about a stream is what the key signed. */
function checkSigned(signed, kind, stream) {
  const { signature, ...statement } = signed;
  const { offset, hash, atMs } = statement;
  const text = `nexo-audit-1 ${canonicalJson({ kind, stream, offset, hash, atMs })}`;
  const holds = statement.kind === kind && statement.stream === stream && publicKey !== undefined &&
    verify(null, Buffer.from(text), publicKey, Buffer.from(signature, "base64url"));
  if (!holds) report(stream, `the signature of its ${kind} does not hold`);
}

function openChain({ stream, hashed, erasable, head, checkpoint }) {
  closeChain();
  chains++;
  const last = checkpoint ?? { offset: 0, hash: "" };
  chain = { stream, hashed, erasable, head, offset: last.offset, hash: last.hash };
  checkSigned(head, "head", stream);
  if (checkpoint !== null) checkSigned(checkpoint, "checkpoint", stream);
}

function takeRow({ row }) {
  rows++;
  if (chain === undefined) return report("bundle", "a row stands before its chain");
  const where = `${chain.stream} at ${row.offset}`;
  if (row.offset !== chain.offset + 1) report(where, `the row before it is ${chain.offset}`);
  else if (row.prev_hash !== chain.hash) {
    report(where, "it does not follow from the row before");
  }
  if (sha256(row.prev_hash, canonicalJson(pick(row, chain.hashed))) !== row.hash) {
    report(where, "the row was changed");
  }
  if (!erasablePartHolds(row, chain.erasable)) report(where, "its erasable part was changed");
  chain.offset = row.offset;
  chain.hash = row.hash;
}

/** A turn's words are bound by a salted digest; an erased turn has no salt and nothing to bind. */
function erasablePartHolds(row, erasable) {
  if (erasable.length === 0) return true;
  const part = pick(row, erasable);
  if (row.content_salt === null) {
    return Object.values(part).every((value) => value === null || value === "" || value === "[]");
  }
  const digest = createHmac("sha256", row.content_salt).update(canonicalJson(part)).digest("hex");
  return digest === row.content_hmac.split(".")[0];
}

function closeChain() {
  if (chain === undefined) return;
  const { stream, head, offset, hash } = chain;
  if (head.offset !== offset) report(stream, `it ends at ${offset}, and was signed at ${head.offset}`);
  else if (head.hash !== hash) report(stream, "its last row is not the one that was signed");
  chain = undefined;
}

function closeBundle(end) {
  closeChain();
  isEnded = true;
  if (end.chains !== chains) report("bundle", `it has ${chains} chains, and said ${end.chains}`);
  if (end.rows !== rows) report("bundle", `it has ${rows} rows, and said ${end.rows}`);
}

const take = { bundle: openBundle, chain: openChain, row: takeRow, end: closeBundle };
let lineNumber = 0;
for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
  lineNumber++;
  try {
    const value = JSON.parse(line);
    take[value.type](value);
  } catch (error) {
    report(`line ${lineNumber}`, `it cannot be read: ${error.message}`);
  }
}
if (!isEnded) report("bundle", "it has no end");

for (const problem of problems.slice(0, 100)) console.error(problem);
if (problems.length > 0) {
  console.error(`${problems.length} problems in ${rows} rows of ${chains} chains`);
  process.exit(1);
}
console.log(`${rows} rows of ${chains} chains hold`);
