/**
 * A real IMAP server: Dovecot as Debian has it, unpacked into the cache and run under bubblewrap, so that
 * nothing is installed.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "../free_port.ts";

const CACHE = resolve(import.meta.dirname, "../../../.cache/dovecot");
const PACKAGES = ["dovecot-core", "dovecot-imapd"];
const READY_MS = 30_000;

/** A running Dovecot; every user's password is `pass`. */
export interface Dovecot extends AsyncDisposable {
  readonly port: number;
}

/** Fetches what is not there yet. @throws when Debian's packages cannot be had */
function unpack(): string {
  const root = join(CACHE, "root");
  // By way of the link that is made last.
  if (existsSync(join(root, "lib64")) && existsSync(join(root, "lib/dovecot/imap"))) return root;
  mkdirSync(root, { recursive: true });
  const run = (command: string, args: readonly string[]): void => {
    const { status } = spawnSync(command, args, { cwd: CACHE, stdio: ["ignore", 2, 2] });
    if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`);
  };
  run("apt-get", ["download", ...PACKAGES]);
  for (const file of readdirSync(CACHE).filter((name) => name.endsWith(".deb"))) {
    run("dpkg", ["-x", file, root]);
  }
  // What the unpacked programs find in the system's own place.
  for (const name of ["lib", "lib64"]) {
    rmSync(join(root, name), { recursive: true, force: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  return root;
}

/** Starts it; resolves when it takes users. */
export async function openDovecot(): Promise<Dovecot> {
  const root = unpack();
  const dir = await mkdtemp(join(tmpdir(), "nexo-dovecot-"));
  chmodSync(dir, 0o755);
  for (const name of ["run", "mail"]) mkdirSync(join(dir, name));
  chmodSync(join(dir, "mail"), 0o777);
  const port = await freePort();
  writeFileSync(join(dir, "dovecot.conf"), configOf(dir, port));
  const system = ["/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/etc/passwd", "/etc/group"];
  const child = spawn("bwrap", [
    "--bind",
    root,
    "/",
    ...system.flatMap((path) => ["--ro-bind", path, path]),
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--bind",
    tmpdir(),
    tmpdir(),
    "--die-with-parent",
    "/usr/sbin/dovecot",
    "-F",
    "-c",
    join(dir, "dovecot.conf"),
  ], { stdio: "ignore" });
  const close = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, "exit");
    }
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await untilReady(child, port, join(dir, "log"));
  } catch (error) {
    await close();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: close };
}

function configOf(dir: string, port: number): string {
  return `
protocols = imap
base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = ${dir}/log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:${dir}/mail/%n
default_internal_user = root
default_internal_group = root
default_login_user = nobody
passdb {
  driver = static
  args = password=pass
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=${dir}/mail/%n
}
service imap-login {
  chroot =
  inet_listener imap {
    address = 127.0.0.1
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
`;
}

/** Until it greets as a server that lets people in. */
async function untilReady(child: ChildProcess, port: number, log: string): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until && child.exitCode === null) {
    if (await greets(port)) return;
  }
  const said = await readFile(log, "utf8").catch(() => "nothing");
  throw new Error(`Dovecot does not answer; it said: ${said}`);
}

function greets(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on("data", (data: Buffer) => {
      if (!data.toString().includes("CAPABILITY")) return;
      socket.destroy();
      done(true);
    });
    socket.on("error", () => {}); // it is closed after it
    socket.on("close", () => setTimeout(() => done(false), 100));
  });
}
