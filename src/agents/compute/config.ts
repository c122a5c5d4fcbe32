// Options of the compute agent.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const computeAgentConfig = section('computeAgent', {
  reportInterval: option.duration('10s', 'How often the host reports what it has and that it is up'),
  syncInterval: option.duration('60s', 'How often all guests are compared with what the cloud wants'),
  orphanGrace: option.duration(
    '30s',
    'How long a guest that the cloud no longer knows is left before it is removed',
  ),
  consoleAddress: option.text('127.0.0.1', 'Where consoles are opened for the console proxy'),
  dhcpDomain: option.text(
    'novalocal',
    "The domain behind a server's hostname on its config drive; empty for none",
  ),
  stopTimeout: option.duration(
    '60s',
    'How long a guest may take to power itself off before it is switched off',
  ),
})
export type ComputeAgentConfig = ConfigOf<typeof computeAgentConfig>
