// `nimbo install-units`: systemd units for hosts that have systemd.
import { readCloud } from '../data-folder.ts'
import { installUnits, unitName } from '../systemd.ts'
import { absolute, type Verb } from '../verb.ts'

export const installUnitsVerb: Verb = {
  summary: 'Writes systemd units, so that the cloud starts with the machine',
  options: { to: { type: 'string', help: 'Folder of the units, default /etc/systemd/system', value: 'DIR' } },
  async run({ world, terminal, program, root, options }) {
    const folder = absolute((options.to as string | undefined) ?? '/etc/systemd/system', world.env.PWD ?? '/')
    for (const path of await installUnits(world, await readCloud(world, root), program, folder))
      terminal.print(path)
    terminal.say(
      `Put in force: nimbo down; systemctl daemon-reload; systemctl enable --now ${unitName('controller')} ${unitName('agent')}`,
    )
    return 0
  },
}
