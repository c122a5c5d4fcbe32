// console.log: QEMU appends to it for as long as the guest lives. A guest that talks without end must not fill the
// host's disk, so a log that grew too long keeps its end alone.
import { unlessGone } from '#kit/world/gone.ts'
import { consoleLimitBytes, consoleTail } from '../driver.ts'
import { fileProblem, giveToGuest, type Host } from './host.ts'

const longestLog = 8 * 2 ** 20
const keptBytes = 2 ** 20

/** Empty, and the guests' to write, before QEMU opens it. */
export async function prepareConsole(host: Host, id: string): Promise<void> {
  const path = host.layout.guest(id).console
  if (!(await host.world.files.exists(path))) await host.world.files.write(path, '', { mode: 0o644 })
  await giveToGuest(host, path)
}

export async function readConsole(host: Host, id: string, lines: number | undefined): Promise<string> {
  return consoleTail(
    (await readEnd(host, host.layout.guest(id).console, consoleLimitBytes)).toString('utf8'),
    lines,
  )
}

async function readEnd(host: Host, path: string, bytes: number): Promise<Buffer> {
  const info = await host.world.files.info(path)
  const file = info && (await unlessGone(host.world.files.open(path, 'r')))
  if (!file) return Buffer.alloc(0)
  try {
    const length = Math.min(info.size, bytes)
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, length === 0 ? 0 : await file.read(buffer, 0, length, info.size - length))
  } finally {
    await file.close()
  }
}

/** QEMU opened the file for appending: after the cut it goes on at the new end. */
export async function cutConsole(host: Host, id: string): Promise<void> {
  const path = host.layout.guest(id).console
  const info = await host.world.files.info(path)
  if (!info || info.size <= longestLog) return
  const end = await readEnd(host, path, keptBytes)
  const file = await host.world.files.open(path, 'r+')
  try {
    await file.truncate(0)
  } finally {
    await file.close()
  }
  try {
    await host.world.files.append(path, end)
  } catch (error) {
    throw fileProblem(error, path)
  }
}
