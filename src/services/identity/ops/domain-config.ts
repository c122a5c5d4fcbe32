// Decisions about domains' own configuration: which options there are, what a change may name, what is never shown.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import { defaultDomainId } from '../resources/domain.ts'
import {
  type DomainConfig,
  type DomainOption,
  domainConfigDefaults,
  domainConfigRules,
  isEffective,
  securityCompliance,
  sensitiveOptions,
} from '../resources/domain-config.ts'
import { deleteDomainOptions, listDomainOptions, putDomainOption } from '../store/domain-config.ts'
import { findProject } from '../store/project.ts'
import { change, found } from './change.ts'

/** A section, or one option of it; the whole configuration where neither is named. */
export type Part = { section?: string; option?: string }

const refuse = (why: string) => new CloudError('forbidden', `Invalid domain specific configuration: ${why}`)

function requireKnown({ section, option }: Part): void {
  if (section === undefined) return
  const known = domainConfigDefaults[section]
  if (!known) throw refuse(`the group ${section} is none that a domain may set.`)
  if (option === undefined || Object.hasOwn(known, option)) return
  if (!sensitiveOptions[section]?.includes(option))
    throw refuse(`the option ${option} in group ${section} is none that a domain may set.`)
}

const missing = (domainId: string, { section, option }: Part) =>
  new CloudError(
    'notFound',
    `Could not find ${option ? `option ${option} in group ${section}` : section ? `group ${section}` : 'any options'} in domain configuration for domain ${domainId}.`,
  )

/** The caller's right first, then the domain, then the words. */
async function enter(
  context: IdentityContext,
  rule: PolicyRule,
  domainId: string,
  part: Part,
): Promise<void> {
  context.authorize(rule, { 'target.domain.id': domainId })
  const row = await findProject(context.app.db, domainId)
  found(row?.isDomain ? row : undefined, 'domain', domainId)
  requireKnown(part)
}

function opened(context: IdentityContext, rows: readonly DomainOption[]): DomainConfig {
  const config: DomainConfig = {}
  for (const { section, name, sealedValue } of rows) {
    if (sensitiveOptions[section]?.includes(name)) continue
    config[section] ??= {}
    config[section][name] = JSON.parse(context.app.safe.open(sealedValue)) as unknown
  }
  return config
}

/** What is asked for of a whole configuration; throws 'notFound' where there is nothing. */
function partOf(domainId: string, config: DomainConfig, part: Part): Record<string, unknown> {
  const { section, option } = part
  if (section === undefined) {
    if (Object.keys(config).length === 0) throw missing(domainId, part)
    return config
  }
  const options = config[section]
  if (!options || (option !== undefined && !Object.hasOwn(options, option))) throw missing(domainId, part)
  return option === undefined ? { [section]: options } : { [option]: options[option] }
}

export async function getDomainConfig(
  context: IdentityContext,
  domainId: string,
  part: Part = {},
): Promise<Record<string, unknown>> {
  if (part.section === securityCompliance) return passwordRules(context, domainId, part)
  await enter(context, domainConfigRules.get, domainId, part)
  const rows = await listDomainOptions(context.app.db, { domainId })
  return partOf(domainId, opened(context, rows), part)
}

/** What passwords must look like; anybody may ask, so as to choose one. */
async function passwordRules(
  context: IdentityContext,
  domainId: string,
  part: Part,
): Promise<Record<string, unknown>> {
  context.authorize(domainConfigRules.getSecurityCompliance, {})
  if (domainId !== defaultDomainId)
    throw refuse('the rules for passwords are those of the whole cloud: read them of the default domain.')
  const { passwordRegex, passwordRegexDescription } = context.app.config
  const shown = {
    password_regex: passwordRegex ?? null,
    password_regex_description: passwordRegexDescription ?? null,
  }
  if (part.option !== undefined && !Object.hasOwn(shown, part.option))
    throw refuse('of the rules for passwords only password_regex and password_regex_description are shown.')
  return partOf(domainId, { [securityCompliance]: shown }, part)
}

export async function getDefaultConfig(
  context: IdentityContext,
  part: Part = {},
): Promise<Record<string, unknown>> {
  context.authorize(domainConfigRules.getDefault, {})
  requireKnown(part)
  const { listLimit } = context.app.config
  const identity = { ...domainConfigDefaults.identity, list_limit: listLimit ?? null }
  return partOf(defaultDomainId, { ...domainConfigDefaults, identity }, part)
}

/** Of the options that do something, the values have to make sense. */
function requireLimit(section: string, { list_limit: limit }: Record<string, unknown>): void {
  if (section !== 'identity' || limit === undefined || limit === null) return
  if (!isLimit(limit))
    throw new CloudError('badRequest', 'list_limit in group identity must be a whole number from 1, or null.')
}

const isLimit = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1

/** Sections with options in each, all of them known. */
function checked(given: Record<string, unknown>): DomainConfig {
  if (Object.keys(given).length === 0) throw refuse('no options were specified.')
  for (const [section, options] of Object.entries(given)) {
    requireKnown({ section })
    if (typeof options !== 'object' || options === null || Array.isArray(options))
      throw new CloudError('badRequest', `The group ${section} must be an object of options.`)
    if (Object.keys(options).length === 0) throw refuse(`no options were found in group ${section}.`)
    for (const option of Object.keys(options)) requireKnown({ section, option })
    requireLimit(section, options as Record<string, unknown>)
  }
  return given as DomainConfig
}

/** What users and groups of the domain are cut to in a list, where it is set; a token of a domain sees no other. */
export async function listLimitIn(
  { app, caller }: IdentityContext,
  asked: string | undefined,
): Promise<number | undefined> {
  const domainId = caller.domainId ?? asked
  const key = { section: 'identity', name: 'list_limit' }
  const [row] = domainId === undefined ? [] : await listDomainOptions(app.db, { domainId, ...key })
  const own: unknown = row && JSON.parse(app.safe.open(row.sealedValue))
  // Earlier releases kept whatever was given.
  return isLimit(own) ? own : undefined
}

/** An operator would look for what it does: whatever is set and does nothing is told in the log and the journal. */
function tellIdle(
  { log, trace, journal, caller }: IdentityContext,
  domainId: string,
  config: DomainConfig,
): void {
  const idle = Object.entries(config).flatMap(([section, options]) =>
    Object.keys(options)
      .filter((name) => !isEffective(section, name, options[name]))
      .map((name) => `${section}.${name}`),
  )
  if (idle.length === 0) return
  log.warn(
    { domainId, options: idle },
    'options of a domain are kept and do nothing: its users are in this database',
  )
  journal.record(trace, {
    kind: 'decision',
    name: 'domain_config.idle',
    subject: `domain:${domainId}`,
    userId: caller.userId,
    data: { options: idle },
  })
}

const rowsOf = (context: IdentityContext, domainId: string, config: DomainConfig): DomainOption[] =>
  Object.entries(config).flatMap(([section, options]) =>
    Object.entries(options).map(([name, value]) => ({
      domainId,
      section,
      name,
      sealedValue: context.app.safe.seal(JSON.stringify(value)),
    })),
  )

/** Instead of whatever there was; `created` is false where there was something. */
export async function createDomainConfig(
  context: IdentityContext,
  domainId: string,
  given: Record<string, unknown>,
): Promise<{ config: DomainConfig; created: boolean }> {
  await enter(context, domainConfigRules.create, domainId, {})
  const config = checked(given)
  const rows = rowsOf(context, domainId, config)
  const created = await change(context.app, async (tx) => {
    const before = await deleteDomainOptions(tx, { domainId })
    for (const row of rows) await putDomainOption(tx, row)
    return before === 0
  })
  tellIdle(context, domainId, config)
  return { config: opened(context, rows), created }
}

/** Of a part only just that part may be named, and it must be there already. Answers the whole. */
export async function changeDomainConfig(
  context: IdentityContext,
  domainId: string,
  given: Record<string, unknown>,
  part: Part = {},
): Promise<DomainConfig> {
  await enter(context, domainConfigRules.update, domainId, part)
  const { section, option } = part
  const config = checked(section !== undefined && option !== undefined ? { [section]: given } : given)
  requireOnly(config, part)
  const { db } = context.app
  if (section !== undefined) {
    const there = await listDomainOptions(db, { domainId, section, name: option })
    if (there.length === 0) throw missing(domainId, part)
  }
  const rows = rowsOf(context, domainId, config)
  await change(context.app, async (tx) => {
    for (const row of rows) await putDomainOption(tx, row)
  })
  tellIdle(context, domainId, config)
  return opened(context, await listDomainOptions(db, { domainId }))
}

function requireOnly(config: DomainConfig, { section, option }: Part): void {
  if (section === undefined) return
  const sections = Object.keys(config)
  if (sections.length !== 1 || sections[0] !== section)
    throw refuse(`group ${section} is to be changed: that group and no other must be given.`)
  if (option === undefined) return
  const options = Object.keys(config[section]!)
  if (options.length !== 1 || options[0] !== option)
    throw refuse(`option ${option} is to be changed: that option and no other must be given.`)
}

export async function deleteDomainConfig(
  context: IdentityContext,
  domainId: string,
  part: Part = {},
): Promise<void> {
  await enter(context, domainConfigRules.delete, domainId, part)
  await change(context.app, async (tx) => {
    const filter = { domainId, section: part.section, name: part.option }
    // The whole may be deleted again and again; a part must be there.
    if ((await deleteDomainOptions(tx, filter)) === 0 && part.section !== undefined)
      throw missing(domainId, part)
  })
}
