/**
 * `${ENV}`, `${ENV:-default}`, `${ENV-default}` and `${file:path}` inside one config value.
 *
 * Works on values YAML has already read, so what is filled in can never become YAML. `$${` stands
 * for a plain `${`. Defaults may hold placeholders; braces in them must balance.
 *
 * @module
 */

/** What stands in a value: text, a variable or a secret file. `offset` is where its `${` begins. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | {
    readonly kind: "env";
    readonly name: string;
    readonly offset: number;
    /** Used when the variable is unset, or also when it is empty. */
    readonly fallback?: { readonly pieces: readonly Piece[]; readonly whenEmpty: boolean };
  }
  | { readonly kind: "file"; readonly path: string; readonly offset: number };

/** Why a value cannot be read; `offset` counts UTF-16 units from its start. */
export interface Flaw {
  readonly offset: number;
  readonly message: string;
  readonly fix: string;
}

/** A value or the first thing wrong with it. */
export type Result<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly flaw: Flaw;
};

const MAX_DEPTH = 8;
const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y;

/** Carries a flaw out of the recursion; never leaves this file. */
class ScanError extends Error {
  readonly flaw: Flaw;
  constructor(flaw: Flaw) {
    super(flaw.message);
    this.flaw = flaw;
  }
}

function flawed(offset: number, message: string, fix: string): never {
  throw new ScanError({ offset, message, fix });
}

/** Takes a value apart in one pass. */
export function scan(text: string): Result<readonly Piece[]> {
  const scanner = { text, at: 0 };
  try {
    return { ok: true, value: scanPieces(scanner, 0) };
  } catch (error) {
    if (error instanceof ScanError) return { ok: false, flaw: error.flaw };
    throw error;
  }
}

interface Scanner {
  readonly text: string;
  at: number;
}

/** Reads to the end of the text or, inside a placeholder, up to the brace that closes it. */
function scanPieces(scanner: Scanner, depth: number): Piece[] {
  const { text } = scanner;
  const pieces: Piece[] = [];
  let plain = "";
  let braces = 0;
  while (scanner.at < text.length) {
    const char = text[scanner.at] ?? "";
    if (text.startsWith("$${", scanner.at)) {
      plain += "${";
      scanner.at += 3;
      if (depth > 0) braces += 1;
      continue;
    }
    if (text.startsWith("${", scanner.at)) {
      if (plain !== "") pieces.push({ kind: "text", text: plain });
      plain = "";
      pieces.push(scanPlaceholder(scanner, depth + 1));
      continue;
    }
    if (depth > 0 && char === "{") braces += 1;
    if (depth > 0 && char === "}") {
      if (braces === 0) break;
      braces -= 1;
    }
    plain += char;
    scanner.at += 1;
  }
  if (plain !== "") pieces.push({ kind: "text", text: plain });
  return pieces;
}

function scanPlaceholder(scanner: Scanner, depth: number): Piece {
  const { text, at: offset } = scanner;
  if (depth > MAX_DEPTH) {
    flawed(offset, `placeholders are nested more than ${MAX_DEPTH} deep`, "Nest fewer defaults");
  }
  scanner.at += 2;
  if (text.startsWith("file:", scanner.at)) return scanFile(scanner, offset);
  namePattern.lastIndex = scanner.at;
  const name = namePattern.exec(text)?.[0] ?? "";
  scanner.at += name.length;
  if (text[scanner.at] === "}" && name !== "") {
    scanner.at += 1;
    return { kind: "env", name, offset };
  }
  const whenEmpty = text.startsWith(":-", scanner.at);
  if (name !== "" && (whenEmpty || text[scanner.at] === "-")) {
    scanner.at += whenEmpty ? 2 : 1;
    const pieces = scanPieces(scanner, depth);
    close(scanner, offset);
    return { kind: "env", name, offset, fallback: { pieces, whenEmpty } };
  }
  if (scanner.at >= text.length) unclosed(offset);
  return flawed(
    offset,
    'what stands between "${" and "}" is no variable name',
    'Write ${NAME}, ${NAME:-default} or ${file:path}; write "$${" for a plain "${"',
  );
}

function scanFile(scanner: Scanner, offset: number): Piece {
  const start = scanner.at + "file:".length;
  const end = scanner.text.indexOf("}", start);
  if (end === -1) unclosed(offset);
  scanner.at = end + 1;
  return { kind: "file", path: scanner.text.slice(start, end).trim(), offset };
}

function close(scanner: Scanner, offset: number): void {
  if (scanner.text[scanner.at] !== "}") unclosed(offset);
  scanner.at += 1;
}

function unclosed(offset: number): never {
  return flawed(offset, '"${" is never closed', 'Add the "}"; write "$${" for a plain "${"');
}

/** Where values come from. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a secret file, or says why it cannot. */
  readonly readSecret: (path: string) => Result<string>;
}

/** Fills in what {@linkcode scan} found. Values are taken as they are, never scanned again. */
export function fill(pieces: readonly Piece[], sources: Sources): Result<string> {
  let text = "";
  for (const piece of pieces) {
    const part = fillPiece(piece, sources);
    if (!part.ok) return part;
    text += part.value;
  }
  return { ok: true, value: text };
}

function fillPiece(piece: Piece, sources: Sources): Result<string> {
  if (piece.kind === "text") return { ok: true, value: piece.text };
  if (piece.kind === "file") {
    const secret = sources.readSecret(piece.path);
    return secret.ok ? secret : { ok: false, flaw: { ...secret.flaw, offset: piece.offset } };
  }
  const { name, offset, fallback } = piece;
  const value = Object.hasOwn(sources.env, name) ? sources.env[name] : undefined;
  if (value !== undefined && (value !== "" || fallback?.whenEmpty !== true)) {
    return { ok: true, value };
  }
  if (fallback !== undefined) return fill(fallback.pieces, sources);
  return {
    ok: false,
    flaw: {
      offset,
      message: `environment variable "${name}" is not set`,
      fix: `Set ${name}, or give a default: \${${name}:-default}`,
    },
  };
}
