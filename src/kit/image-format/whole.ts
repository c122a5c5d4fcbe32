// Is a disk image all there? Its tables name places in its file; where one lies past the end, the image was cut off, and
// a guest would read zeros or errors where its data was. Only for files that are complete: a stream's head never is.
import { beyond } from './extent.ts'
import type { ImageInfo, Reader } from './format.ts'
import { wholePloop } from './ploop.ts'
import { wholeQcow2 } from './qcow2.ts'
import { wholeVhd } from './vhd.ts'
import { wholeVhdx } from './vhdx.ts'
import { wholeVdi } from './virtual-disk.ts'
import { wholeVmdk } from './vmdk.ts'

type Check = (read: Reader, info: ImageInfo) => Promise<string | undefined>

const checks: Partial<Record<ImageInfo['format'], Check>> = {
  qcow2: wholeQcow2,
  vmdk: wholeVmdk,
  vdi: wholeVdi,
  vhd: wholeVhd,
  vhdx: wholeVhdx,
  ploop: wholePloop,
  iso: async (_read, info) => beyond(info, info.virtualSize, 'its volume'),
}

/** A sentence of what is missing; undefined where nothing is, and for formats whose bytes don't tell. */
export async function missingPart(read: Reader, info: ImageInfo): Promise<string | undefined> {
  return checks[info.format]?.(read, info)
}
