// Whether guests run on the processor itself: the virt driver's own probe, in a folder that is thrown away.

import { openLayout } from '#drivers/virt/qemu/layout.ts'
import { probeAccel } from '#drivers/virt/qemu/probe.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { silentLog } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { Finding } from './doctor.ts'

const remedy =
  'Enable virtualization in the firmware (or nested virtualization of this virtual machine) and load kvm_intel or kvm_amd.'

export async function processorFinding(world: World): Promise<Finding[]> {
  if (!(await world.files.exists('/dev/kvm'))) return [emulated('there is no /dev/kvm')]
  const folder = `/tmp/nimbo-doctor-${world.random.hexId().slice(0, 8)}`
  const layout = openLayout(folder)
  await world.files.makeFolder(layout.lockFolder)
  try {
    const accel = await probeAccel({ world, log: silentLog, name: 'doctor', layout })
    if (accel === 'tcg') return [emulated('/dev/kvm is there, but an ordinary guest does not run under it')]
    return [{ check: 'processor', state: 'ok', text: 'guests run on the processor itself (KVM)' }]
  } catch (error) {
    // Without QEMU there is nothing to probe with yet; the packages' finding says so.
    if (error instanceof CloudError && error.type === 'MissingProgram') return []
    throw error
  } finally {
    await world.files.removeTree(folder)
  }
}

function emulated(reason: string): Finding {
  return {
    check: 'processor',
    state: 'warning',
    text: `Guests run in software emulation, some ten times slower: ${reason}.`,
    remedy,
  }
}
