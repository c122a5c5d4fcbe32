// A stream into a new file: large writes, of which one is under way while the next is gathered, and flushes on the way, so that
// the last one is short and an image doesn't fill the host's memory with what the disk still has to take.
import type { Readable } from 'node:stream'
import type { Files } from '#kit/world/world.ts'

/** What one write holds, and so twice that is all that a stream takes of memory here. */
const gatherBytes = 1024 * 1024
const flushEvery = 64 * 1024 * 1024

/** Gives the count of bytes. `admit` sees it grow before anything is written, and may refuse more by throwing. */
export async function writeFile(
  { open }: Pick<Files, 'open'>,
  path: string,
  mode: number,
  content: Readable,
  {
    admit,
    spent,
  }: { admit: (sizeBytes: number) => Promise<void> | undefined; spent?: (chunk: Buffer) => void },
): Promise<number> {
  const file = await open(path, 'wx', mode)
  const [writing, flushing] = [oneAtATime(), oneAtATime()]
  let gathered: Buffer[] = []
  let waiting = 0
  let size = 0
  let flushed = 0
  const write = async () => {
    await writing.over()
    const batch = gathered
    gathered = []
    waiting = 0
    writing.begin(async () => {
      await file.writev(batch)
      if (spent) for (const chunk of batch) spent(chunk)
    })
  }
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      size += chunk.length
      const asked = admit(size)
      if (asked) await asked
      gathered.push(chunk)
      waiting += chunk.length
      if (waiting < gatherBytes) continue
      await write()
      if (size - flushed < flushEvery || flushing.busy()) continue
      flushed = size
      flushing.begin(() => file.datasync())
    }
    if (waiting > 0) await write()
    await writing.over()
    await flushing.over()
    return size
  } finally {
    await Promise.allSettled([writing.over(), flushing.over()])
    await file.close()
  }
}

/** Work whose failure is told when it is waited for. */
function oneAtATime() {
  let work: Promise<unknown> | undefined
  let failure: { error: unknown } | undefined
  return {
    busy: () => work !== undefined,
    begin(start: () => Promise<unknown>) {
      work = start().then(
        () => {
          work = undefined
        },
        (error) => {
          work = undefined
          failure = { error }
        },
      )
    },
    async over() {
      await work
      if (failure) throw failure.error
    },
  }
}
