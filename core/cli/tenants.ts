/**
 * `nexo tenants`: customers, through the same methods that microapps call.
 *
 * @module
 */
import type { Command } from "commander";
import { type AdminMethods, CodedError } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { sayJson, sayTable } from "./print.ts";

const PREFIX = "nexo/admin/tenants/";
type Method = "list" | "get" | "upsert" | "delete" | "erase";
type Result<M extends Method> = AdminMethods[`nexo/admin/tenants/${M}`]["result"];

/** Adds the command. */
export function addTenantCommands(program: Command, { daemon, exitWith }: CliContext): void {
  const call = async <M extends Method>(
    method: M,
    params: AdminMethods[`nexo/admin/tenants/${M}`]["params"],
  ): Promise<Result<M>> => (await daemon()).call<Result<M>>(`${PREFIX}${method}`, params);

  const show = async (id: string) => {
    const { tenant } = await call("get", { tenant_id: id });
    if (tenant !== null) return tenant;
    throw noTenant("find", id);
  };
  const setActive = async (id: string, active: boolean): Promise<void> => {
    const { display_name } = await show(id);
    sayJson((await call("upsert", { id, display_name, active })).tenant);
  };

  const tenants = program.command("tenants").description("customers");
  tenants.command("list").description("all tenants").option("--active", "only those not suspended")
    .option("--json", "print an array")
    .action(async ({ active, json }: { active?: boolean; json?: boolean }) => {
      const { tenants: found } = await call("list", { active_only: active === true });
      if (json === true) return sayJson(found);
      sayTable(found, [
        ["ID", (row) => row.id],
        ["NAME", (row) => row.display_name],
        ["ACTIVE", (row) => row.active ? "yes" : "no"],
        ["AGENTS", (row) => row.agent_count],
        ["CREATED", (row) => row.created_at],
      ], "No tenants.");
    });
  tenants.command("show <id>").description("one tenant").option("--json", "the same")
    .action(async (id: string) => sayJson(await show(id)));
  tenants.command("create <id>").description("add a tenant to tenants.yaml")
    .option("--name <text>", "what people call it").option("--json", "the same")
    .action(async (id: string, { name }: { name?: string }) => {
      const { tenants: found } = await call("list", { prefix: id });
      if (found.some((tenant) => tenant.id === id)) {
        throw new CodedError("conflict", `Cannot create tenant "${id}": there is one of that name`);
      }
      sayJson((await call("upsert", { id, display_name: name ?? id })).tenant);
    });
  tenants.command("update <id>").description("change a tenant's name")
    .requiredOption("--name <text>", "what people call it").option("--json", "the same")
    .action(async (id: string, { name }: { name: string }) => {
      await show(id);
      sayJson((await call("upsert", { id, display_name: name })).tenant);
    });
  tenants.command("suspend <id>").description("stop everything of a tenant; nothing is lost")
    .option("--json", "the same").action((id: string) => setActive(id, false));
  tenants.command("resume <id>").description("let a suspended tenant go on")
    .option("--json", "the same").action((id: string) => setActive(id, true));
  tenants.command("delete <id>").description("take a tenant out of tenants.yaml")
    .option("--purge", "also when agents belong to it; they are switched off")
    .option("--json", "the same")
    .action(async (id: string, { purge }: { purge?: boolean }) => {
      const answer = await call("delete", { tenant_id: id, purge: purge === true });
      sayJson(answer);
      if (answer.removed) return;
      const { orphaned_agents: agents } = answer;
      throw agents === undefined ? noTenant("delete", id) : new CodedError(
        "conflict",
        `Cannot delete tenant "${id}": it has the agents ${
          agents.join(", ")
        }; --purge switches them off`,
      );
    });
  tenants.command("erase").description("erase what was said: of one contact, or of a whole tenant")
    .requiredOption("--account <id>", "the tenant")
    .option("--contact <id>", "the person, as their channel names them")
    .option("--yes", "do not ask")
    .option("--json", "the same")
    .action(async ({ account, contact, yes }: EraseOptions) => {
      if (contact === undefined && yes !== true) {
        if (!process.stdin.isTTY) {
          const message = `Cannot erase everything of tenant "${account}" unasked: say --yes`;
          throw new CodedError("usage", message);
        }
        const { confirm } = await import("@clack/prompts");
        const sure = await confirm({ message: `Erase everything of tenant "${account}"?` });
        if (sure !== true) return exitWith(1);
      }
      const answer = await call("erase", { tenant_id: account, contact });
      sayJson(answer);
      const failed = answer.microapps.filter(({ error }) => error !== null);
      if (failed.length === 0) return;
      const names = failed.map(({ microapp_id }) => `"${microapp_id}"`).join(", ");
      throw new CodedError(
        "erase_incomplete",
        `Cannot erase what ${names} keeps: run the same command again once \`nexo ext list\` shows it ready`,
      );
    });
}

function noTenant(act: "delete" | "find", id: string): CodedError {
  return new CodedError(
    "not_found",
    `Cannot ${act} tenant "${id}": \`nexo tenants list\` shows all`,
  );
}

interface EraseOptions {
  readonly account: string;
  readonly contact?: string;
  readonly yes?: boolean;
}
