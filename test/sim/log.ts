// What processes of a simulation log, among the events of its tape: read when something went wrong, compared never.
import type { Log, LogFields } from '#kit/log/log.ts'
import type { Clock } from '#kit/world/world.ts'
import type { Tape } from './tape.ts'

export function tapeLog(tape: Tape, clock: Clock, process: string, fixed: LogFields = {}): Log {
  const line = (level: string) => (fields: LogFields, message: string) => {
    const all = Object.entries({ ...fixed, ...fields }).map(([key, value]) => `${key}=${String(value)}`)
    tape.mention(clock.now(), `${level} ${process}: ${message} ${all.join(' ')}`)
  }
  return {
    debug() {},
    info: line('info'),
    warn: line('warn'),
    error: line('ERROR'),
    with: (fields) => tapeLog(tape, clock, process, { ...fixed, ...fields }),
  }
}
