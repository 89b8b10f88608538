import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Admin, openTenantDir } from "nexo-microapps/sdk";
import { openDatabase } from "../store/database.ts";
import { openTenantCredentials } from "../store/tenant_credentials.ts";
import { createCustomers } from "../store/tenants.ts";
import { createUsers, type Users } from "../store/users.ts";
import { createOnboarding, type Onboarding } from "./onboard.ts";
import { inviteOwner } from "./owner.ts";

const MIGRATIONS = join(import.meta.dirname, "../migrations");
const KEY = "one-key-for-one-act";

/** The process ends here. */
class Killed extends Error {}

/** As much of nexo as onboarding changes; it lives on when the microapp is killed. */
function openCore() {
  const [tenants, agents, lines] = [new Set(), new Set(), new Set()];
  const pairings = new Map<string, "open" | "cancelled">();
  const methods: Readonly<Record<string, (params: Record<string, string>) => unknown>> = {
    "tenants/upsert": ({ id }) => void tenants.add(id),
    "agents/upsert": ({ id }) => void agents.add(id),
    "credentials/register": ({ channel, instance }) => {
      lines.add(`${channel}/${instance}`);
      return {};
    },
    "pairing/start"() {
      const challenge_id = `challenge-${pairings.size}`;
      pairings.set(challenge_id, "open");
      return { challenge_id, instructions: "Follow the link" };
    },
    "pairing/cancel": ({ challenge_id = "" }) => void pairings.set(challenge_id, "cancelled"),
  };
  const admin = {
    call(method: string, params: Record<string, string>) {
      const run = methods[method];
      if (run === undefined) throw new Error(`core has no ${method}`);
      return Promise.resolve(run(params));
    },
  } as unknown as Admin;
  return { admin, tenants, agents, lines, pairings };
}

/** The same object, whose every call may be the last thing this process does, or not even that. */
function mortal<T extends object>(target: T, beat: () => void): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        beat();
        const result: unknown = await Reflect.apply(value, object, args);
        beat();
        return result;
      };
    },
  });
}

interface Life {
  readonly onboarding: Onboarding;
  readonly users: Users;
}

/** Brings one customer in, killed once at the given beat; each act is tried until it is answered. */
async function bringIn(killAt: number) {
  const dir = await mkdtemp(join(tmpdir(), "onboarding-"));
  const core = openCore();
  let beats = 0;
  let isOver = false;
  const beat = (): void => {
    if (!isOver && beats++ === killAt) throw new Killed();
  };
  const open = async () => {
    const db = await openDatabase({ file: join(dir, "product.sqlite"), migrations: MIGRATIONS });
    const now = () => 1;
    const credentials = await openTenantCredentials({
      stateDir: dir,
      openTenantDir: (account) => openTenantDir(dir, account),
    });
    const users = mortal(await createUsers(db, { stateDir: dir, now }), beat);
    const customers = createCustomers(db, now);
    const onboarding = createOnboarding({
      admin: mortal(core.admin, beat),
      customers: mortal(customers, beat),
      credentials: mortal(credentials, beat),
    });
    return { db, credentials, customers, users, onboarding };
  };
  let life = await open();
  async function act<T>(work: (life: Life) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const answer = await work(life);
        // After it was done, before the page hears.
        beat();
        return answer;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        life.db[Symbol.dispose]();
        life = await open();
      }
    }
  }

  await act(({ onboarding }) =>
    onboarding.addCustomer({ account_id: "acme", display_name: "Acme", plan: "trial" })
  );
  await act(({ onboarding }) =>
    onboarding.addAgent("acme", {
      provider: "offline",
      model: "rules",
      system_prompt: "Be kind.",
      allowed_tools: [],
    })
  );
  const payload = { token: "4242:secret" };
  await act(({ onboarding }) =>
    onboarding.addLine("acme", { channel: "telegram", payload, metadata: {} })
  );
  const { customer: { challenge_id } } = await act(({ onboarding }) =>
    onboarding.startPairing("acme")
  );
  const code = await act(async ({ users, onboarding }) => {
    const made = await users.invite({ id: KEY, account_id: "acme", name: "Alice" });
    await onboarding.finish("acme");
    return made;
  });
  isOver = true;
  const customer = await life.customers.find("acme");
  const outcome = {
    customer: { ...customer, challenge_id: core.pairings.get(customer?.challenge_id ?? "") },
    // What the page was told is what holds.
    isTold: challenge_id === customer?.challenge_id,
    core: [...core.tenants, ...core.agents, ...core.lines],
    kept: await life.credentials.read("acme"),
    user: await life.users.byCode(code),
    users: (await life.users.list("acme")).length,
  };
  life.db[Symbol.dispose]();
  await rm(dir, { recursive: true });
  return { outcome, wasKilled: beats > killAt };
}

describe("onboarding", () => {
  it("has the same end wherever the process is killed", async () => {
    const { outcome: unharmed } = await bringIn(Infinity);
    expect(unharmed).toMatchObject({
      customer: { step: "done", agent_id: "acme-agent", channel: "telegram", challenge_id: "open" },
      isTold: true,
      core: ["acme", "acme-agent", "telegram/acme"],
      kept: { telegram: { payload: { token: "4242:secret" } } },
      user: { name: "Alice", account_id: "acme" },
      users: 1,
    });
    let kills = 0;
    for (;;) {
      const { outcome, wasKilled } = await bringIn(kills);
      if (!wasKilled) break;
      expect(outcome, `killed at beat ${kills}`).toEqual(unharmed);
      kills++;
    }
    expect(kills).toBeGreaterThan(30);
  });

  it("gives the owner a code that opens, wherever the first start is killed", async () => {
    for (const killAt of [0, 1, 2, 3, 4, 5]) {
      const dir = await mkdtemp(join(tmpdir(), "owner-"));
      const db = await openDatabase({ file: join(dir, "product.sqlite"), migrations: MIGRATIONS });
      const users = await createUsers(db, { stateDir: dir, now: () => 1 });
      let beats = 0;
      const beat = (): void => {
        if (beats++ === killAt) throw new Killed();
      };
      const app = { stateDir: dir, log: { info() {} } as never };
      const dying: Pick<Users, "list" | "invite"> = mortal({
        list: users.list,
        invite: (user: Parameters<Users["invite"]>[0]) =>
          users.invite({
            ...user,
            async pass(code) {
              beat();
              await user.pass?.(code);
              beat();
            },
          }),
      }, beat);
      await inviteOwner({ users: dying, app }).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
      await inviteOwner({ users, app });
      const code = (await readFile(join(dir, "owner_sign_in.txt"), "utf8")).trim();
      expect(await users.byCode(code), `killed at beat ${killAt}`).toMatchObject({ name: "Owner" });
      db[Symbol.dispose]();
      await rm(dir, { recursive: true });
    }
  });
});
