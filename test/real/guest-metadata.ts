// Metadata for the guests of a host in tests: the service, and the host's agent in front of it. What the conductor knows of
// a guest is what the test says.
import { metadataAgentConfig, startMetadataAgent } from '#agents/metadata/index.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { httpClient } from '#kit/http/client.ts'
import type { InstanceFacts } from '#kit/metadata-tree/facts.ts'
import { testPlatform } from '#kit/service/test-platform.ts'
import { metadataConfig } from '#services/metadata/config.ts'
import { openMetadata } from '#services/metadata/service.ts'
import type { Rig } from './guest-net.ts'

/** `from` is the network or router by which the guest asks, and its address there. */
export async function serveMetadata(
  rig: Rig,
  facts: InstanceFacts,
  from: { via: string; ip: string; portId: string },
): Promise<{ stop(): Promise<void> }> {
  const conductor = { metadataGet: async () => ({ facts }) }
  const platform = testPlatform({ bus: { caller: () => conductor } as unknown as Bus })
  const service = await openMetadata(platform, withDefaults(metadataConfig), 'oldboy')
  const at = await service.http.listen({ host: '127.0.0.1', port: 0 })
  const http = httpClient()
  const agent = await startMetadataAgent({
    ...rig.common,
    http,
    endpoint: () => `http://127.0.0.1:${at.port}`,
    secret: 'oldboy',
    config: withDefaults(metadataAgentConfig),
  })
  rig.owners.set(`${from.via} ${from.ip}`, {
    portId: from.portId,
    instanceId: facts.id,
    tenantId: facts.projectId,
  })
  return {
    async stop() {
      await agent.stop()
      http.close()
      await service.stop()
    },
  }
}
