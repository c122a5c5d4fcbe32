// Operators' policy files: put over the services' defaults at start, and again whenever they change, without a restart.
import { appearanceOf } from '#kit/config/appearance.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { startLoop } from '#kit/loop/loop.ts'
import type { Policy } from '#kit/policy/engine.ts'
import type { PolicyText } from '#kit/policy/file.ts'
import type { Files, World } from '#kit/world/world.ts'
import type { PolicyConfig } from './api-settings.ts'
import type { Cloud } from './data-folder.ts'

export type PolicyFilesPlan = {
  world: World
  log: Log
  journal: Journal
  config: PolicyConfig
  /** Without it there are none, and the settings alone count. */
  folder?: string
}

export type PolicyFiles = {
  /** Throws kind 'badRequest' with every mistake: a cloud isn't started with rules other than those asked for. */
  attach(service: string, policy: Policy): Promise<void>
  stop(): Promise<void>
}

/** As `policy.folder` says, relative to the data folder. */
export function policyFolder({ folder }: Pick<Cloud, 'folder'>, config: PolicyConfig): string {
  if (config.folder === '') return `${folder.root}/policy`
  return config.folder.startsWith('/') ? config.folder : `${folder.root}/${config.folder}`
}

/** 'compute' has compute.yaml, then compute.d/*.yaml by name; of a rule in several of them the last one counts. */
export async function policyFilesOf(files: Files, folder: string, service: string): Promise<string[]> {
  const main = `${service}.yaml`
  const more = `${service}.d`
  const parts = (await files.exists(`${folder}/${more}`)) ? await files.list(`${folder}/${more}`) : []
  return [
    ...((await files.exists(`${folder}/${main}`)) ? [main] : []),
    ...parts
      .filter((name) => name.endsWith('.yaml'))
      .sort()
      .map((name) => `${more}/${name}`),
  ]
}

export async function readPolicyTexts(files: Files, folder: string, service: string): Promise<PolicyText[]> {
  const names = await policyFilesOf(files, folder, service)
  return Promise.all(names.map(async (file) => ({ file, text: await files.readText(`${folder}/${file}`) })))
}

export function openPolicyFiles(plan: PolicyFilesPlan): PolicyFiles {
  const { world, log, journal, config, folder } = plan
  const { enforceScope, enforceNewDefaults } = config
  const attached = new Map<string, { policy: Policy; seen: string }>()

  const put = async (service: string, policy: Policy, at: string) => {
    const texts = await readPolicyTexts(world.files, at, service)
    policy.reload({ texts, enforceScope, enforceNewDefaults })
    for (const problem of policy.problems) log.warn({ service, policy: at }, problem)
    return texts
  }
  const look = async () => {
    if (folder === undefined) return
    for (const [service, entry] of attached) {
      const seen = await appearance(world.files, folder, service)
      if (seen === entry.seen) continue
      entry.seen = seen
      await replace(service, entry.policy, folder)
    }
  }
  const replace = async (service: string, policy: Policy, at: string) => {
    const event = { kind: 'decision', name: 'policy.reload', subject: `policy:${service}` } as const
    try {
      const files = (await put(service, policy, at)).map(({ file }) => file)
      log.info({ service, files }, 'changed policy files are in force')
      journal.record(journal.newTrace(), { ...event, data: { files, problems: policy.problems } })
    } catch (error) {
      // Also what can't be read at the moment: its next change is tried again.
      const message = fullMessage(error)
      log.error(
        { service, error: message },
        'changed policy files are refused; what was in force before stays',
      )
      journal.record(journal.newTrace(), { ...event, outcome: 'error', error: message })
    }
  }
  const loop =
    folder === undefined
      ? undefined
      : startLoop(world, log, { name: 'policy-files', everyMs: config.reloadInterval, run: look })

  return {
    async attach(service, policy) {
      if (folder === undefined) return policy.reload({ enforceScope, enforceNewDefaults })
      // What is changed while it is read is looked at again.
      const seen = await appearance(world.files, folder, service)
      await put(service, policy, folder).catch((error) => {
        throw new CloudError('badRequest', `The policy files of ${service} in ${folder} cannot be used`, {
          cause: error,
        })
      })
      attached.set(service, { policy, seen })
    },
    stop: async () => loop?.stop(),
  }
}

async function appearance(files: Files, folder: string, service: string): Promise<string> {
  const names = await policyFilesOf(files, folder, service)
  return appearanceOf(
    files,
    names.map((name) => `${folder}/${name}`),
  )
}
