// Options of the console proxy.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const consoleConfig = section('console', {
  allowedOrigins: option.list(
    [],
    'Origins of pages, besides our own, that may open consoles: https://dashboard.example',
  ),
  connectTimeout: option.duration('10s', "How long a host may take to answer at its guest's screen"),
})
export type ConsoleConfig = ConfigOf<typeof consoleConfig>
