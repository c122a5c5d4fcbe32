// The file of property protections while the service runs: what is written to it is in force a moment later, and a file
// that can't be read leaves in force what was.
import { appearanceOf } from '#kit/config/appearance.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageConfig } from '../config.ts'
import { type PropertyProtections, parsePropertyProtections } from './property-protection.ts'

export type ProtectionFile = {
  /** Undefined where no property is protected. */
  current(): PropertyProtections | undefined
  /** Reads the file again if it was changed. */
  look(): Promise<void>
}

type Settings = Pick<ImageConfig, 'propertyProtectionFile' | 'propertyProtectionFormat'>

/** Kind 'badRequest' with the file's line where it can't be read. */
export async function loadPropertyProtections(
  { files }: Pick<World, 'files'>,
  { propertyProtectionFile: file, propertyProtectionFormat: format }: Settings,
): Promise<PropertyProtections | undefined> {
  if (file === undefined) return undefined
  const text = await files.readText(file).catch((cause) => {
    throw new CloudError('badRequest', `The property protection file ${file} can't be read.`, { cause })
  })
  return parsePropertyProtections(text, format, file)
}

/** A service isn't started with other protections than those asked for: throws as `loadPropertyProtections` does. */
export async function openProtectionFile({
  world,
  log,
  journal,
  config,
}: {
  world: Pick<World, 'files'>
  log: Log
  journal: Journal
  config: Settings
}): Promise<ProtectionFile> {
  const { propertyProtectionFile: file } = config
  if (file === undefined) return { current: () => undefined, look: async () => {} }
  // What is changed while it is read is looked at again.
  let seen = await appearanceOf(world.files, [file])
  let current = await loadPropertyProtections(world, config)
  return {
    current: () => current,
    async look() {
      const now = await appearanceOf(world.files, [file])
      if (now === seen) return
      seen = now
      const event = { kind: 'decision', name: 'property_protection.reload', subject: `file:${file}` } as const
      try {
        current = await loadPropertyProtections(world, config)
        log.info({ file }, 'changed property protections are in force')
        journal.record(journal.newTrace(), event)
      } catch (error) {
        const message = fullMessage(error)
        log.error(
          { file, error: message },
          'changed property protections are refused; what was in force before stays',
        )
        journal.record(journal.newTrace(), { ...event, outcome: 'error', error: message })
      }
    },
  }
}
