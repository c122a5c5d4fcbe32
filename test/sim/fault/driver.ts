// The drivers of one host fail for a while: before they did what was asked, after it with the answer lost, or they hang.
import { duration, type Fault, oneOf, seconds } from './fault.ts'

export const failingDriver: Fault = (cloud, random) => {
  const { gate, name } = oneOf(random, cloud.hosts)
  const how = oneOf(random, ['before', 'after', 'hang'] as const)
  const driver = oneOf(random, ['virt', 'wiring', 'volume', undefined] as const)
  const percent = oneOf(random, [5, 20, 50, 100])
  const lastsMs = duration(random, 500, 40_000)
  gate.trouble = { how, driver, percent }
  const ways = { before: 'fail', after: 'fail when they have done it', hang: 'hang' }
  return {
    words: `${percent} of 100 calls to ${driver ?? 'all drivers'} of ${name} ${ways[how]} for ${seconds(lastsMs)}`,
    lastsMs,
    end() {
      gate.trouble = undefined
      gate.release()
    },
  }
}
