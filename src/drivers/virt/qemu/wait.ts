// Waiting that can end early, and loops that can be ended.
import type { World } from '#kit/world/world.ts'

/** A periodic loop whose work reports its own failures; returns how to end it. */
export function every(world: World, ms: number, work: () => Promise<void>): () => void {
  let cancel = () => {}
  let over = false
  const next = () => {
    if (!over) cancel = world.timers.after(ms, () => void work().then(next), { background: true })
  }
  next()
  return () => {
    over = true
    cancel()
  }
}

/** The work goes on where others wait for it too; this caller stops waiting. */
export async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
