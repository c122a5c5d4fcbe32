// The smallest guest there is: a boot sector that speaks on the serial port and halts. It runs 0.2 s after its start.
export const bootText = 'nimbo boot sector'

export function talkingDisk(): Buffer {
  const disk = Buffer.alloc(2 ** 20)
  // xor ax,ax; mov ds,ax; mov si,7c16h; mov dx,3f8h; cld; lodsb; or al,al; jz; out dx,al; jmp; hlt; jmp
  Buffer.from('31c08ed8be167cbaf803fcac08c07403eeebf8f4ebfd', 'hex').copy(disk)
  disk.write(`${bootText}\r\n\0`, 22, 'latin1')
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
