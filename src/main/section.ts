// The sections of nimbo.yaml. Every process checks them all, so that a mistake is told wherever it is made, and none has to
// load the code of services and agents that it doesn't run.
import { computeAgentConfig } from '#agents/compute/config.ts'
import { dhcpAgentConfig } from '#agents/dhcp/config.ts'
import { l3AgentConfig } from '#agents/l3/config.ts'
import { metadataAgentConfig } from '#agents/metadata/config.ts'
import { networkAgentConfig } from '#agents/network/config.ts'
import type { LoadedConfig } from '#kit/config/load.ts'
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
import { journalSection } from './journal-settings.ts'

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
