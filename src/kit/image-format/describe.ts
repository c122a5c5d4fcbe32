// An image in the words of `qemu-img info`, so that both can be laid side by side.
import type { ImageInfo } from './format.ts'

/** QEMU's names where they differ from ours. */
const qemuNames: Partial<Record<ImageInfo['format'], string>> = { vhd: 'vpc', iso: 'raw' }

/** `diskSize`: bytes that the file really takes on the host's disk. */
export function describeImage(info: ImageInfo, path: string, diskSize: number): string {
  const lines = [
    `image: ${path}`,
    `file format: ${qemuNames[info.format] ?? info.format}`,
    `virtual size: ${readableSize(info.virtualSize)} (${info.virtualSize} bytes)`,
    `disk size: ${readableSize(diskSize)}`,
  ]
  if (info.encryption) lines.push('encrypted: yes')
  if (info.clusterSize !== undefined) lines.push(`cluster_size: ${info.clusterSize}`)
  if (info.backingFile !== undefined) lines.push(`backing file: ${info.backingFile}`)
  if (info.backingFormat !== undefined) lines.push(`backing file format: ${info.backingFormat}`)
  if (info.qcow2) {
    lines.push(
      'Format specific information:',
      `    compat: ${info.qcow2.compat}`,
      `    compression type: ${info.qcow2.compression}`,
    )
    if (info.qcow2.compat === '1.1') lines.push(`    lazy refcounts: ${info.qcow2.lazyRefcounts}`)
    lines.push(`    refcount bits: ${info.qcow2.refcountBits}`)
    if (info.dataFile !== undefined) lines.push(`    data file: ${info.dataFile}`)
    if (info.qcow2.compat === '1.1') {
      lines.push(`    corrupt: ${info.qcow2.corrupt}`, `    extended l2: ${info.qcow2.extendedL2}`)
    }
  }
  return `${lines.join('\n')}\n`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']

/** Three significant digits, as QEMU prints sizes: 1 GiB, 2.19 MiB, 17.4 MiB. */
export function readableSize(bytes: number): string {
  // QEMU goes to the next unit from 1000 of the last on, so that three digits are enough.
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`
}
