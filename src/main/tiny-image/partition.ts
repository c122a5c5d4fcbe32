// The first sector of a PC disk: boot code, four partition slots of sixteen bytes, and the two bytes that end it.

export const sectorBytes = 512

export type Partition = {
  /** 0x0e is FAT16 by logical address, 0x83 is Linux. */
  type: number
  firstSector: number
  sectors: number
  bootable?: boolean
}

/** `bootCode` is at most 440 bytes; cylinders, heads and tracks say "use the logical address". */
export function masterBootRecord(bootCode: Buffer, partitions: readonly Partition[]): Buffer {
  if (bootCode.length > 440) throw new Error(`the boot code has ${bootCode.length} bytes, 440 fit`)
  if (partitions.length > 4) throw new Error(`${partitions.length} partitions, 4 fit`)
  const sector = Buffer.alloc(sectorBytes)
  bootCode.copy(sector)
  partitions.forEach((partition, index) => {
    const at = 446 + index * 16
    sector.writeUInt8(partition.bootable ? 0x80 : 0, at)
    sector.set([0xfe, 0xff, 0xff], at + 1)
    sector.writeUInt8(partition.type, at + 4)
    sector.set([0xfe, 0xff, 0xff], at + 5)
    sector.writeUInt32LE(partition.firstSector, at + 8)
    sector.writeUInt32LE(partition.sectors, at + 12)
  })
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}
