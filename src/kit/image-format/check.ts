// The verdict: may tools of this host open the image as what its owner says it is?
import { CloudError } from '../errors/cloud-error.ts'
import type { ImageFormat, ImageInfo } from './format.ts'

/** Glance's disk formats and what their bytes must be. Kernels, ramdisks and AMI file systems have no mark of their own. */
const expected: Record<string, readonly ImageFormat[]> = {
  raw: ['raw'],
  qcow2: ['qcow2'],
  vmdk: ['vmdk'],
  vdi: ['vdi'],
  vhd: ['vhd'],
  vhdx: ['vhdx'],
  iso: ['iso'],
  ploop: ['ploop'],
  aki: ['raw'],
  ari: ['raw'],
  ami: ['raw'],
}

/**
 * Reasons against it as sentences; none means that it may be used. `container` is Glance's: in another than 'bare' the
 * disk lies in something of no mark (a tar of an OVA, an AMI's file system), so that then bytes without one are well.
 */
export function checkImage(info: ImageInfo, claimed: string, container = 'bare'): string[] {
  const allowed = expected[claimed]
  if (!allowed) return [`'${claimed}' is no known disk format.`]
  const reasons: string[] = []
  const wrapped = container !== 'bare' && info.format === 'raw'
  if (!allowed.includes(info.format) && !wrapped) {
    reasons.push(`The image is said to be ${claimed}, but its content is ${info.format}.`)
  }
  if (info.alsoLooksLike.length > 0) {
    reasons.push(
      `Its content can be read as ${[info.format, ...info.alsoLooksLike].join(' and as ')}: tools would disagree on it.`,
    )
  }
  if (info.backingFile !== undefined) {
    reasons.push(`It needs a backing file ('${info.backingFile}'); an image must be complete in itself.`)
  }
  if (info.dataFile !== undefined) {
    reasons.push(`Its content lies in an external data file${info.dataFile ? ` ('${info.dataFile}')` : ''}.`)
  }
  if (info.encryption !== undefined)
    reasons.push(`It is encrypted (${info.encryption}), which guests here can't open.`)
  if (info.qcow2?.corrupt) reasons.push('It is marked as corrupt.')
  return [...reasons, ...info.problems]
}

/** Throws 'badRequest' with all reasons where there are any. */
export function requireSafeImage(info: ImageInfo, claimed: string, container?: string): void {
  const reasons = checkImage(info, claimed, container)
  if (reasons.length > 0) {
    throw new CloudError('badRequest', `The image can't be used: ${reasons.join(' ')}`, {
      type: 'InvalidImage',
    })
  }
}
