// Asks a guest for an echo ten times a second through its floating IP, all the while, so that a run can say for how long it
// was out of reach and when.
import { appendFileSync, readFileSync } from 'node:fs'
import type { Machine } from '#test/hosts/machine.ts'

const everyMs = 100

/** A raw socket, for a machine may have no ping. Writes the time of each answer, in milliseconds. */
const script = `
import socket, struct, sys, time
address, path = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
s.setblocking(False)
out = open(path, 'a', buffering=1)
number = 0
while True:
    number = (number + 1) & 0xffff
    head = struct.pack('!BBHHH', 8, 0, 0, 4711, number)
    total = sum(struct.unpack('!4H', head))
    total = (total >> 16) + (total & 0xffff)
    try: s.sendto(head[:2] + struct.pack('!H', ~total & 0xffff) + head[4:], (address, 0))
    except OSError: pass
    time.sleep(${everyMs / 1000})
    while True:
        try: got = s.recv(2000)
        except OSError: break
        if got[20] == 0 and struct.unpack('!H', got[24:26])[0] == 4711:
            out.write('%d\\n' % (time.time() * 1000))
`

export type PingWatch = {
  /** The longest time without an answer between two moments of the host's clock, in milliseconds. */
  longestGap(from: number, to: number): number
  answersSince(at: number): boolean
}

/** Runs until the machine ends. */
export async function watchGuest(machine: Machine, address: string, folder: string): Promise<PingWatch> {
  const path = `${folder}/answers`
  appendFileSync(path, '')
  const words = [
    '-c',
    'setsid python3 -c "$0" "$1" "$2" > /dev/null 2>&1 < /dev/null &',
    script,
    address,
    path,
  ]
  await machine.text('sh', ...words)
  const answers = () => readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number)
  return {
    longestGap(from, to) {
      const times = [from, ...answers().filter((at) => at > from && at < to), to]
      return times.reduce((longest, at, index) => Math.max(longest, at - (times[index - 1] ?? at)), 0)
    },
    answersSince: (at) => (answers().at(-1) ?? 0) > at,
  }
}
