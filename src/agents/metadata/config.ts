// Options of the metadata agent.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const metadataAgentConfig = section('metadataAgent', {
  metadataProxySocket: option.text(
    undefined,
    'The unix socket on which haproxies reach the agent; by default neutron/metadata_proxy in the data folder',
  ),
  metadataProxySocketMode: option.text(
    '644',
    'Octal mode of that socket; whoever may write to it can ask as any server',
  ),
  metadataProxySharedSecret: option.secret(
    '',
    "What requests to the metadata service are signed with; empty takes the cloud's own",
  ),
  cacheTime: option.duration(
    '5s',
    "How long it is remembered whose an address is, for a guest's next question",
  ),
  reportInterval: option.duration('30s', 'How often the agent reports that it is up'),
  availabilityZone: option.text('nova', 'The zone in which the agent is listed'),
})
export type MetadataAgentConfig = ConfigOf<typeof metadataAgentConfig>
