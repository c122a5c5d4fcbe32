// Extra specs of flavors: their shape, and from 2.86 on what is known of those in namespaces that Nova defines.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { described } from '#kit/http/body.ts'
import type { Version } from '#kit/http/version.ts'
import { version } from '#kit/http/version.ts'

const keyPattern = /^[a-zA-Z0-9\-_:. ]{1,255}$/
const bool = /^(true|false|yes|no|on|off|1|0)$/i
const whole = /^\d+$/

/** Values by key; a key of a known namespace that is none of these is refused from 2.86 on. */
const known: Record<string, RegExp> = {
  'hw:boot_menu': bool,
  'hw:cpu_policy': /^(dedicated|shared|mixed)$/,
  'hw:cpu_thread_policy': /^(prefer|isolate|require)$/,
  'hw:cpu_dedicated_mask': /^.+$/,
  'hw:cpu_realtime': bool,
  'hw:cpu_realtime_mask': /^.+$/,
  'hw:cpu_sockets': whole,
  'hw:cpu_cores': whole,
  'hw:cpu_threads': whole,
  'hw:cpu_max_sockets': whole,
  'hw:cpu_max_cores': whole,
  'hw:cpu_max_threads': whole,
  'hw:emulator_threads_policy': /^(isolate|share)$/,
  'hw:hide_hypervisor_id': bool,
  'hw:mem_encryption': bool,
  'hw:mem_page_size': /^(large|small|any|\d+([kKMGT]i?(b|bit|B)?)?)$/,
  'hw:numa_nodes': /^[1-9]\d*$/,
  'hw:pci_numa_affinity_policy': /^(required|preferred|legacy|socket)$/,
  'hw:pmem': /^.+$/,
  'hw:pmu': bool,
  'hw:serial_port_count': whole,
  'hw:vif_multiqueue_enabled': bool,
  'hw:watchdog_action': /^(none|pause|poweroff|reset|disabled)$/,
  'hw_rng:allowed': bool,
  'hw_rng:rate_bytes': whole,
  'hw_rng:rate_period': whole,
  'hw_video:ram_max_mb': whole,
  'os:secure_boot': /^(required|disabled|optional)$/,
  hide_hypervisor_id: bool,
}
const families: [RegExp, RegExp][] = [
  [/^trait(\d+|[A-Z0-9_-]+)?:[A-Z][A-Z0-9_]*$/, /^(required|forbidden)$/],
  [/^resources([a-zA-Z0-9_-]*)?:[A-Z][A-Z0-9_]*$/, whole],
  [/^hw:numa_(cpus|mem)\.\d+$/, /^[\d,^-]+$/],
  [/^quota:(cpu|memory|disk|vif)_\w+$/, /^\w+$/],
  [/^capabilities(:[\w.-]+)+$/, /^.*$/],
  [/^aggregate_instance_extra_specs:.+$/, /^.*$/],
  [/^accel:device_profile$/, /^.+$/],
  [/^pci_passthrough:alias$/, /^.+$/],
]
const namespaces = /^(hw|hw_rng|hw_video|os|trait\w*|resources\w*|quota|accel|pci_passthrough):/

export const extraSpecMap = Type.Object(
  {},
  { additionalProperties: Type.Union([Type.String({ maxLength: 255 }), Type.Number()]) },
)

/** The body that sets a single one. */
export const oneExtraSpec = described({ ...extraSpecMap, minProperties: 1, maxProperties: 1 }, readExtraSpecs)

/** Throws 'badRequest' with the first that is wrong; gives the values as text. */
export function readExtraSpecs(given: unknown, at: Version | undefined): Record<string, string> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new CloudError(
      'badRequest',
      `Invalid input for field/attribute extra_specs. Value: ${JSON.stringify(given)}.`,
    )
  const read: Record<string, string> = {}
  for (const [key, value] of Object.entries(given)) {
    if (!keyPattern.test(key))
      throw new CloudError(
        'badRequest',
        `Invalid input for field/attribute extra_specs: the key '${key}' is malformed`,
      )
    if ((typeof value !== 'string' && typeof value !== 'number') || String(value).length > 255)
      throw new CloudError(
        'badRequest',
        `Invalid input for field/attribute ${key}. Value: ${JSON.stringify(value)}. It is not a text of at most 255 characters`,
      )
    if (at === undefined || at >= version('2.86')) validate(key, String(value))
    read[key] = String(value)
  }
  return read
}

function validate(key: string, value: string): void {
  const pattern = known[key] ?? families.find(([keys]) => keys.test(key))?.[1]
  if (!pattern && namespaces.test(key))
    throw new CloudError(
      'badRequest',
      `Validation failed; extra spec '${key}' does not appear to be a valid extra spec.`,
    )
  if (pattern && !pattern.test(value))
    throw new CloudError(
      'badRequest',
      `Validation failed; '${value}' is not a valid value for extra spec '${key}'.`,
    )
}
