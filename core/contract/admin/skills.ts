/**
 * `nexo/admin/skills/*`.
 *
 * @module
 */
import { z } from "zod";
import { slugged, spec, TenantScope, worded } from "./spec.ts";

const MAX_BODY_BYTES = 65_536;
const encoder = new TextEncoder();

const name = slugged("name");
const Line = z.string().trim().max(512).nullish();

/** What a skill needs of the machine, and what happens without it. */
export const SkillRequires = z.object({
  bins: z.array(z.string().min(1)).default([]),
  env: z.array(z.string().min(1)).default([]),
  mode: z.enum(["strict", "warn", "disable"]).default("strict"),
});
/** See {@linkcode SkillRequires}. */
export type SkillRequires = z.infer<typeof SkillRequires>;

const SkillSummary = z.object({
  name: z.string(),
  display_name: z.string().optional(),
  description: z.string().optional(),
  updated_at: z.string(),
});

const SkillRecord = SkillSummary.extend({
  body: z.string(),
  max_chars: z.int().optional(),
  requires: SkillRequires,
});
/** One skill, as `skills/get` answers it. */
export type SkillRecord = z.infer<typeof SkillRecord>;

const Body = worded((text) =>
  text.trim() === ""
    ? "body is empty"
    : encoder.encode(text).length > MAX_BODY_BYTES
    ? "body exceeds 64 KiB cap"
    : undefined
);

/** The methods of this domain. */
export const SKILL_METHODS = {
  "nexo/admin/skills/list": spec(
    "skills_crud",
    z.object({ prefix: z.string().nullish(), tenant_id: TenantScope }),
    z.object({ skills: z.array(SkillSummary) }),
  ),
  "nexo/admin/skills/get": spec(
    "skills_crud",
    z.object({ name, tenant_id: TenantScope }),
    z.object({ skill: SkillRecord.nullable() }),
  ),
  "nexo/admin/skills/upsert": spec(
    "skills_crud",
    z.object({
      name,
      display_name: Line,
      description: Line,
      body: Body,
      max_chars: z.int().positive().nullish(),
      requires: SkillRequires.nullish(),
      tenant_id: TenantScope,
    }),
    z.object({ skill: SkillRecord, created: z.boolean() }),
  ),
  "nexo/admin/skills/delete": spec(
    "skills_crud",
    z.object({ name, tenant_id: TenantScope }),
    z.object({ deleted: z.boolean() }),
  ),
} as const;
