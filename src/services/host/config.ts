// Options of the host service.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const hostConfig = section('hosts', {
  joinTokenLife: option.duration('1h', 'How long a join token holds where its maker says nothing', {
    min: '1m',
    max: '7d',
  }),
  certificateLife: option.duration(
    '90d',
    "How long a host's certificate holds; it is renewed before it ends",
    {
      min: '1h',
      max: '825d',
    },
  ),
})
export type HostConfig = ConfigOf<typeof hostConfig>
