// The sections of nimbo.yaml. Every process checks them all, so that a mistake is told wherever it is made, and none has to
// load the code of services and agents that it doesn't run.
import { computeAgentConfig } from '#agents/compute/config.ts'
import { dhcpAgentConfig } from '#agents/dhcp/config.ts'
import { l3AgentConfig } from '#agents/l3/config.ts'
import { metadataAgentConfig } from '#agents/metadata/config.ts'
import { networkAgentConfig } from '#agents/network/config.ts'
import { type LoadedConfig, loadConfig } from '#kit/config/load.ts'
import type { World } from '#kit/world/world.ts'
import { computeConfig } from '#services/compute/config.ts'
import { consoleConfig } from '#services/console/config.ts'
import { hostConfig } from '#services/host/config.ts'
import { identitySection } from '#services/identity/config.ts'
import { imageConfig } from '#services/image/config.ts'
import { metadataConfig } from '#services/metadata/config.ts'
import { networkConfig } from '#services/network/config.ts'
import { placementConfig } from '#services/placement/config.ts'
import { volumeConfig } from '#services/volume/config.ts'
import { agentSection } from './agent-settings.ts'
import { apiSection, policySection } from './api-settings.ts'
import type { Cloud } from './data-folder.ts'
import { journalSection } from './journal-settings.ts'
import { cloudSection } from './settings.ts'

export const serviceSections = [
  apiSection,
  policySection,
  journalSection,
  identitySection,
  imageConfig,
  placementConfig,
  computeConfig,
  networkConfig,
  metadataConfig,
  volumeConfig,
  consoleConfig,
  hostConfig,
] as const
export type ServiceConfig = LoadedConfig<typeof serviceSections>

export const agentSections = [
  agentSection,
  computeAgentConfig,
  networkAgentConfig,
  dhcpAgentConfig,
  l3AgentConfig,
  metadataAgentConfig,
] as const
export type AgentConfig = LoadedConfig<typeof agentSections>

/** All that is set for a cloud. Throws 'badRequest' for mistakes. */
export function cloudConfig({ env }: Pick<World, 'env'>, { configText, folder }: Cloud) {
  const sections = [cloudSection, ...serviceSections, ...agentSections] as const
  return loadConfig(sections, { yaml: configText, file: folder.config, env })
}
