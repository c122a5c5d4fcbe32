// The codes with which `nimbo mq` ends: those of rabbitmqctl, which are sysexits(3)'s, so that scripts keep working.
import { CloudError, type ErrorKind } from '#kit/errors/cloud-error.ts'

export const exitCode = {
  usage: 64,
  /** The words were right, and the thing is not in the state for it: also 64, as rabbitmqctl has it. */
  refused: 64,
  badArgument: 65,
  noUser: 67,
  unavailable: 69,
  alreadyThere: 70,
} as const

export type Exit = keyof typeof exitCode

const kinds: Record<Exit, ErrorKind> = {
  usage: 'badRequest',
  refused: 'conflict',
  badArgument: 'badRequest',
  noUser: 'notFound',
  unavailable: 'unavailable',
  alreadyThere: 'conflict',
}

const typePrefix = 'MqExit:'

/** `message` is printed after "Error:" and may have several lines. */
export function mqError(exit: Exit, message: string): CloudError {
  return new CloudError(kinds[exit], message, { type: typePrefix + exit })
}

/** Whether the words were wrong, so that the usage helps. */
export function isUsage(error: CloudError): boolean {
  return error.type === `${typePrefix}usage`
}

/** Whatever the broker itself refuses ends with 69, as rabbitmqctl has it. */
export function exitOf(error: CloudError): number {
  const exit = error.type?.startsWith(typePrefix) ? error.type.slice(typePrefix.length) : 'unavailable'
  return exitCode[exit as Exit]
}
