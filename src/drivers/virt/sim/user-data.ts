// What a simulated guest makes of its user data. A script is not run, but a few of its lines mean something here:
// echo, a server that listens (`nc -l -p 8080`, `httpd -p 80`), hostname, poweroff. Of cloud-config: the hostname.
import type { Life } from './guest.ts'

/** Once for each instance: again after a rebuild, not after a reboot. */
export async function runUserData(life: Life): Promise<void> {
  const { memory } = life.guest
  const { found } = memory
  delete memory.found
  if (!found || found.userData === undefined || memory.ranFor === found.instanceId || !life.alive) return
  memory.ranFor = found.instanceId
  if (found.userData.startsWith('#cloud-config')) readCloudConfig(life, found.userData)
  else if (found.userData.startsWith('#!')) runScript(life, found.userData)
}

function readCloudConfig(life: Life, text: string): void {
  const hostname = /^(?:hostname|fqdn): *([\w.-]+)$/m.exec(text)?.[1]
  if (hostname) life.guest.memory.hostname = hostname.split('.')[0]
  life.say(`cloud-config: ${hostname ? `hostname ${hostname}` : 'nothing in it for this guest'}`)
}

function runScript(life: Life, text: string): void {
  const { guest } = life
  if (guest.memory.diskFull) {
    life.say('user-data: cannot write script: No space left on device')
    return
  }
  life.say('user-data: running script')
  let off = false
  for (const line of text
    .split('\n')
    .slice(1)
    .map((each) => each.trim())) {
    const said = /^echo +(.*?)(?: *>.*)?$/.exec(line)
    const port = /^(?:nc|httpd)\b.*-p *(\d+)/.exec(line)
    const hostname = /^hostname +([\w-]+)$/.exec(line)
    if (said) life.say(said[1]!.replace(/^(["'])(.*)\1$/, '$2'))
    else if (port) guest.listen(Number(port[1]))
    else if (hostname) guest.memory.hostname = hostname[1]
    else if (/^(?:poweroff|shutdown|halt)\b/.test(line)) off = true
  }
  life.say('user-data ended: 0')
  if (off) guest.powerOffWhenUp()
}
