// Load by wrk from another process, one connection pair, as the peer's figures were taken.
import type { World } from '#kit/world/world.ts'

const seconds = 5

/** Requests a second over two connections; throws where any answer is no success. */
export async function requestRate(
  world: World,
  folder: string,
  url: string,
  headers: Record<string, string>,
  { method = 'GET', body }: { method?: string; body?: string } = {},
): Promise<number> {
  const script = `${folder}/wrk.lua`
  // What JSON makes of plain text Lua reads as the same.
  const lines = [
    `wrk.method=${JSON.stringify(method)}`,
    ...(body === undefined ? [] : [`wrk.body=${JSON.stringify(body)}`]),
    ...Object.entries(headers).map(
      ([name, value]) => `wrk.headers[${JSON.stringify(name)}]=${JSON.stringify(value)}`,
    ),
  ]
  await world.files.write(script, lines.join('\n'))
  const run = (length: number) =>
    world.processes.run('wrk', ['-t1', '-c2', `-d${length}s`, '-s', script, url], { timeoutMs: 60_000 })
  await run(1)
  const { stdout } = await run(seconds)
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]
  if (!rate || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk on ${url}:\n${stdout}`)
  return Number(rate)
}
