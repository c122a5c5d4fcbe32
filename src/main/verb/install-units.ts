// `nimbo install-units`: systemd units for hosts that have systemd.
import { readCloud } from '../data-folder.ts'
import { rolesOf } from '../role.ts'
import { installUnits, unitName } from '../systemd.ts'
import { absolute, type Verb } from '../verb.ts'

export const installUnitsVerb: Verb = {
  summary: 'Writes systemd units, so that the cloud starts with the machine',
  options: { to: { type: 'string', help: 'Folder of the units, default /etc/systemd/system', value: 'DIR' } },
  async run({ world, terminal, program, root, options }) {
    const folder = absolute((options.to as string | undefined) ?? '/etc/systemd/system', world.env.PWD ?? '/')
    const cloud = await readCloud(world, root)
    for (const path of await installUnits(world, cloud, program, folder)) terminal.print(path)
    terminal.say(
      `Put in force: nimbo down; systemctl daemon-reload; systemctl enable --now ${rolesOf(cloud).map(unitName).join(' ')}`,
    )
    return 0
  },
}
