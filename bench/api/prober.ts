// Asks one URL at a fixed beat, whether answers come or not, and tells how long each took from the moment it was due. In a
// process of its own, so that nothing else of a bench delays it. Started by image.ts with a Probe as its argument.
import { Agent, request } from 'node:http'

export type Probe = { url: string; headers: Record<string, string>; everyMs: number }
/** What it is told, and what it answers: of each request, in milliseconds, when it was due by the wall clock, and its time. */
export type ProberWord = 'start' | 'stop'
export type ProbeTimes = [due: number, took: number][]

const { url, headers, everyMs } = JSON.parse(process.argv[2]!) as Probe
const agent = new Agent({ keepAlive: true })
let times: ProbeTimes = []
let asking: Promise<void>[] = []
let beat: NodeJS.Timeout | undefined

function ask(due: number): Promise<void> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`))
        times.push([performance.timeOrigin + due, performance.now() - due])
        resolve()
      })
    })
      .on('error', reject)
      .end()
  })
}

process.on('message', async (word: ProberWord) => {
  if (word === 'start') {
    times = []
    asking = []
    let due = performance.now()
    const catchUp = () => {
      for (; due <= performance.now(); due += everyMs) asking.push(ask(due))
      beat = setTimeout(catchUp, Math.max(0, due - performance.now()))
    }
    catchUp()
    return
  }
  clearTimeout(beat)
  await Promise.all(asking)
  process.send!(times)
})
process.on('disconnect', () => process.exit())
process.send!('ready')
