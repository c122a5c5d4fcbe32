// Calls between two threads of this process over a message port: each end names what it answers, and errors arrive as they
// were thrown. What is given and answered is copied.
import type { Worker } from 'node:worker_threads'
import { type Reply, resultOf, wireError } from '#kit/bus/message.ts'
import { asError, CloudError } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'

type Message = { ask: number; method: string; args: unknown[] } | { answer: number; reply: Reply }
/** A worker, or its parent's port. */
type Port = {
  on(event: 'message', take: (message: Message) => void): unknown
  postMessage(message: Message): void
}
/** Which takes what the other end's file knows. */
export type ThreadMethods = Record<string, (...args: never[]) => unknown>

export type ThreadPort = {
  /** Kind 'internal' where the other end failed at it, which its log tells of. */
  ask<T = void>(method: string, ...args: unknown[]): Promise<T>
}

/** `what` it is that this end runs, in words for an error: 'the message broker'. */
export function openThreadPort(port: Port, log: Log, what: string, methods: ThreadMethods = {}): ThreadPort {
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: unknown) => void }>()
  let lastAsked = 0
  const answerTo = async (method: string, args: unknown[]): Promise<Reply> => {
    try {
      const call = methods[method] as ((...args: unknown[]) => unknown) | undefined
      if (!call)
        throw new CloudError('internal', `A thread was asked for '${method}', which it doesn't know.`)
      return { result: await call(...args) }
    } catch (error) {
      const failure = wireError(error, what)
      if (failure.kind === 'internal') log.error({ method, error: asError(error).stack }, `${what} failed`)
      return { failure }
    }
  }
  const settle = (id: number, reply: Reply) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    try {
      asked?.resolve(resultOf(reply) as never)
    } catch (error) {
      asked?.reject(error)
    }
  }
  port.on('message', (message) => {
    if ('ask' in message)
      void answerTo(message.method, message.args).then((reply) =>
        port.postMessage({ answer: message.ask, reply }),
      )
    else settle(message.answer, message.reply)
  })
  return {
    ask: (method, ...args) =>
      new Promise((resolve, reject) => {
        waiting.set(++lastAsked, { resolve, reject })
        port.postMessage({ ask: lastAsked, method, args })
      }),
  }
}

export type Thread = ThreadPort & {
  /** The same; where it fails, the thread ends with it. */
  whole<T>(opening: Promise<T>): Promise<T>
  end(): Promise<void>
}

/** What runs there is `what` in words. The process can't go on without it: it ends when the thread does, until `end` is asked for. */
export function openThread(worker: Worker, log: Log, what: string): Thread {
  let ending = false
  worker.on('error', (error) => log.error({ error: asError(error).stack }, `${what} failed`))
  worker.on('exit', (code) => {
    if (ending) return
    log.error({ code }, `the thread of ${what} ended; the process ends with it`)
    process.exit(1)
  })
  const end = async () => {
    ending = true
    await worker.terminate()
  }
  return {
    ...openThreadPort(worker, log, `what ${what} asked for`),
    async whole(opening) {
      try {
        return await opening
      } catch (error) {
        await end()
        throw error
      }
    },
    end,
  }
}
