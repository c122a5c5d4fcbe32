// Structured log lines: fields first, then a sentence. A quiet cloud is silent at info. No secret gets into one.
import { type DestinationStream, type Logger, pino } from 'pino'
import { redact, redactText } from '../redact/redact.ts'
import { atSource } from './source-line.ts'

export type LogFields = Record<string, unknown>
export type Log = {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** The same log with these fields on each line. */
  with(fields: LogFields): Log
}

export function openLog(options: { level?: string; destination?: DestinationStream } = {}): Log {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: LogFields) => redact(withSourceLines(fields)),
    },
    hooks: {
      // Of lines of a level that is off nothing is read.
      logMethod(this: Logger, given: unknown[], write: (fields: unknown, message: string) => void) {
        const [fields, message] = given as [LogFields, string]
        write.call(this, fields, redactText(message))
      },
    },
  }
  return wrap(options.destination ? pino(settings, options.destination) : pino(settings))
}

/** Says nothing: tests that assert on what users see. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
}

/** Where a field holds a stack trace. */
function withSourceLines(fields: LogFields): LogFields {
  const traces = Object.entries(fields).filter(
    (field): field is [string, string] => typeof field[1] === 'string' && field[1].includes('\n    at '),
  )
  if (traces.length === 0) return fields
  return { ...fields, ...Object.fromEntries(traces.map(([name, trace]) => [name, atSource(trace)])) }
}

function wrap(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(redact(fields))),
  }
}
