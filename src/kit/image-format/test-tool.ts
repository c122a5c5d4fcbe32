// What tests of disk images ask of the machine.
import { execFileSync } from 'node:child_process'

/** Whether tests can have images made and read by the tool that others use. */
export function hasQemuImg(): boolean {
  try {
    execFileSync('qemu-img', ['--version'])
    return true
  } catch {
    return false
  }
}
