/**
 * Names that become directories, and links in them.
 *
 * @module
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  refuseLinkedState,
  refuseLinksOut,
  stateDirOf,
} from "../../../../../core/microapps/sandbox/state_dir.ts";

describe("stateDirOf()", () => {
  it("refuses whatever is no id", () => {
    for (
      const id of ["", ".", "..", "../x", "a/b", "a\\b", "A", "a\0", "a.b", "-a", "a".repeat(65)]
    ) {
      expect(() => stateDirOf("/home", id), id).toThrow("Cannot name a directory after");
    }
  });

  it("K6: never leads out of the home, whatever the id", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), (id) => {
      let path: string;
      try {
        path = stateDirOf("/home", id);
      } catch {
        return;
      }
      expect(resolve(path).startsWith(`/home${sep}extensions${sep}`)).toBe(true);
    }));
  });
});

describe("links in a state directory", () => {
  let dir = "";
  let state = "";
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "nexo-links-"));
    state = join(dir, "state");
    await mkdir(join(state, "deep"), { recursive: true });
    await writeFile(join(state, "own.txt"), "own");
    await writeFile(join(dir, "outside.txt"), "outside");
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("may lead to other places in it", async () => {
    await symlink("../own.txt", join(state, "deep", "link"));
    await symlink("deep", join(state, "other"));
    await expect(refuseLinksOut(state)).resolves.toBeUndefined();
  });

  it.each([
    ["an absolute one", () => join(dir, "outside.txt")],
    ["a relative one", () => "../../outside.txt"],
    ["one that leads nowhere yet", () => "../../not-yet.txt"],
  ])("are refused when they lead out: %s", async (_, target) => {
    await symlink(target(), join(state, "deep", "link"));
    await expect(refuseLinksOut(state)).rejects.toMatchObject({
      code: "sandbox_refused",
      message: expect.stringContaining('"deep/link"'),
    });
  });

  it("are refused when they lead out by way of another link", async () => {
    await mkdir(join(state, "p", "q"), { recursive: true });
    await symlink(state, join(state, "p", "q", "top"));
    await symlink("top/../outside.txt", join(state, "p", "q", "link"));
    await expect(refuseLinksOut(state)).rejects.toMatchObject({ code: "sandbox_refused" });
  });

  it("must not stand for the directory itself", async () => {
    await symlink(state, join(dir, "linked"));
    await expect(refuseLinkedState(join(dir, "linked"))).rejects.toThrow("no directory of its own");
    await expect(refuseLinkedState(state)).resolves.toBeUndefined();
  });
});
