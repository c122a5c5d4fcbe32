// The little of ELF that the image needs: which libraries a program asks for, which modules a kernel module asks for,
// and a program of our own that gives the guest's user root without a password.

const elfHeader = 64
const programHeader = 56
const loadAt = 0x400000n

/** Names in DT_NEEDED of a 64-bit little-endian program or library. */
export function neededLibraries(elf: Buffer): string[] {
  const headers = segments(elf)
  const dynamic = headers.find((segment) => segment.type === 2)
  if (!dynamic) return []
  const needed: bigint[] = []
  let strings = 0n
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size; at += 16) {
    const tag = elf.readBigUInt64LE(at)
    const value = elf.readBigUInt64LE(at + 8)
    if (tag === 0n) break
    if (tag === 1n) needed.push(value)
    if (tag === 5n) strings = value
  }
  const table = headers.find(
    (it) => it.type === 1 && strings >= it.address && strings < it.address + BigInt(it.size),
  )
  if (!table) return []
  const base = Number(strings - table.address) + table.offset
  return needed.map((offset) => textAt(elf, base + Number(offset)))
}

/** What a kernel module says in its `.modinfo`: names of the modules that have to be there before it. */
export function neededModules(module: Buffer): string[] {
  const at = module.indexOf('\0depends=')
  if (at < 0) return []
  return textAt(module, at + '\0depends='.length)
    .split(',')
    .filter((name) => name !== '')
}

type Segment = { type: number; offset: number; address: bigint; size: number }

function segments(elf: Buffer): Segment[] {
  const start = Number(elf.readBigUInt64LE(32))
  const size = elf.readUInt16LE(54)
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const at = start + index * size
    return {
      type: elf.readUInt32LE(at),
      offset: Number(elf.readBigUInt64LE(at + 8)),
      address: elf.readBigUInt64LE(at + 16),
      size: Number(elf.readBigUInt64LE(at + 32)),
    }
  })
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}

/**
 * A set-user-id program of some 200 bytes that becomes root and hands its arguments to a shell script.
 * It turns the argument count's slot on the stack into argv[0] and argv[0]'s into the script's path,
 * so that the rest of the arguments stay where the kernel put them.
 */
export function rootShellProgram(shell: string, script: string): Buffer {
  const texts = [Buffer.from('sh\0'), Buffer.from(`${script}\0`), Buffer.from(`${shell}\0`)] as const
  const length = 0x5e
  const code = Buffer.concat([
    hex('31ff 31f6 b874000000 0f05'), // setgroups(0, none)
    hex('31ff b86a000000 0f05'), // setgid(0)
    hex('31ff b869000000 0f05'), // setuid(0)
    hex('85c0 7531'), // refused: exit
    hex('488b0c24 488d54cc10'), // the environment begins after argc, argv and its null
    hex('488d05'),
    offset(length - 0x31),
    hex('48890424'), // argv[0] = "sh"
    hex('488d05'),
    offset(length + texts[0].length - 0x3c),
    hex('4889442408'), // argv[1] = the script
    hex('488d3d'),
    offset(length + texts[0].length + texts[1].length - 0x48),
    hex('4889e6'), // path, argv
    hex('b83b000000 0f05'), // execve
    hex('bf7e000000 b83c000000 0f05'), // exit(126)
  ])
  return Buffer.concat([
    staticHeader(code.length + texts.reduce((sum, text) => sum + text.length, 0)),
    code,
    ...texts,
  ])
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function offset(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

/** An executable with one loaded segment: the headers and the code behind them. */
function staticHeader(codeBytes: number): Buffer {
  const header = Buffer.alloc(elfHeader + programHeader)
  const entry = loadAt + BigInt(header.length)
  hex('7f454c46 02010100').copy(header)
  header.writeUInt16LE(2, 16) // executable
  header.writeUInt16LE(62, 18) // x86-64
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(entry, 24)
  header.writeBigUInt64LE(BigInt(elfHeader), 32)
  header.writeUInt16LE(elfHeader, 52)
  header.writeUInt16LE(programHeader, 54)
  header.writeUInt16LE(1, 56)
  header.writeUInt32LE(1, elfHeader) // PT_LOAD
  header.writeUInt32LE(5, elfHeader + 4) // readable and executable
  header.writeBigUInt64LE(loadAt, elfHeader + 16)
  header.writeBigUInt64LE(loadAt, elfHeader + 24)
  header.writeBigUInt64LE(BigInt(header.length + codeBytes), elfHeader + 32)
  header.writeBigUInt64LE(BigInt(header.length + codeBytes), elfHeader + 40)
  header.writeBigUInt64LE(0x1000n, elfHeader + 48)
  return header
}
