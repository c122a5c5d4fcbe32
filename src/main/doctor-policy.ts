// Whether the files that say who may do what can be used. A running cloud keeps to what it read before where they can't,
// and wouldn't start again with them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import type { World } from '#kit/world/world.ts'
import { loadPropertyProtections } from '#services/image/ops/protection-file.ts'
import type { PolicyConfig } from './api-settings.ts'
import { declaredServices } from './declared.ts'
import type { Finding } from './doctor.ts'
import { policyFilesOf, readPolicyTexts } from './policy-file.ts'

type ImageSettings = Parameters<typeof loadPropertyProtections>[1]

/** Nothing to say where there are no such files. */
export async function policyFindings(
  world: World,
  folder: string,
  config: PolicyConfig,
  image: ImageSettings,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const judge = async (what: string, remedy: string, read: () => Promise<unknown>) => {
    try {
      await read()
      findings.push({ check: 'policy', state: 'ok', text: `${what} can be used` })
    } catch (error) {
      if (!(error instanceof CloudError)) throw error
      const text = `${what} can't be used, and what was in force before stays: ${error.message}`
      findings.push({ check: 'policy', state: 'problem', text, remedy })
    }
  }
  for (const [service, declared] of Object.entries(declaredServices)) {
    const files = await policyFilesOf(world.files, folder, service)
    if (files.length === 0) continue
    await judge(`${service}'s policy (${files.join(', ')})`, "'nimbo policy check' tells more.", async () => {
      const texts = await readPolicyTexts(world.files, folder, service)
      openPolicy({ ...config, rules: (await declared()).rules, texts })
    })
  }
  const file = image.propertyProtectionFile
  if (file !== undefined)
    await judge(
      'The property protection of images',
      `Mend ${file}; the image service reads it again by itself.`,
      () => loadPropertyProtections(world, image),
    )
  return findings
}
