// The guest's pieces, judged by the tools that read them where such tools are small, else byte by byte.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cpioArchive } from './cpio.ts'
import { neededLibraries, neededModules, rootShellProgram } from './elf.ts'
import { file, folders, link } from './entry.ts'
import { fileCapability, fillScript } from './ext4.ts'
import { masterBootRecord } from './partition.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/nimbo-tiny-`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the initrd', () => {
  const archive = cpioArchive([
    ...folders(['/bin']),
    { kind: 'device', path: '/null', mode: 0o666, major: 1, minor: 3 },
    file('/bin/tool', 'x', 0o755, { uid: 7, gid: 8 }),
    link('/bin/other', 'tool'),
  ])

  it('gives each member a header of 110 characters and ends on a multiple of four', () => {
    expect(archive.length % 4).toBe(0)
    expect(archive.toString('latin1', 0, 6)).toBe('070701')
    expect(archive.toString('latin1').match(/070701/g)).toHaveLength(5)
    expect(archive.indexOf('TRAILER!!!')).toBeGreaterThan(0)
  })

  it('writes type, permissions, owner and size of a file', () => {
    const start = archive.indexOf('bin/tool\0') - 110
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', start + 6 + index * 8, start + 14 + index * 8), 16)
    expect([field(1), field(2), field(3), field(6)]).toEqual([0o100755, 7, 8, 1])
  })

  it('writes the numbers of a device', () => {
    const start = archive.indexOf('null\0') - 110
    expect(archive.toString('latin1', start + 6 + 9 * 8, start + 6 + 11 * 8)).toBe('0000000100000003')
  })
})

describe('sudo', () => {
  it('hands its arguments to the script as root, or ends with 126 where it cannot become root', () => {
    writeFileSync(`${folder}/script`, 'echo "$(id -u):$1:$2"\n')
    writeFileSync(`${folder}/sudo`, rootShellProgram('/bin/sh', `${folder}/script`))
    chmodSync(`${folder}/sudo`, 0o755)
    const asRoot = process.getuid?.() === 0
    const result = spawnSync(`${folder}/sudo`, ['one two', 'three'], { encoding: 'utf8' })
    expect(asRoot ? result.stdout : result.status).toBe(asRoot ? '0:one two:three\n' : 126)
  })
})

describe('what programs and modules ask for', () => {
  it("reads a program's libraries", () => {
    expect(neededLibraries(readFileSync(process.execPath))).toContain('libc.so.6')
  })

  it('finds none in a static program', () => {
    expect(neededLibraries(rootShellProgram('/bin/sh', '/x'))).toEqual([])
  })

  it("reads a module's dependencies", () => {
    expect(
      neededModules(Buffer.from('\0license=GPL\0depends=virtio_ring,virtio\0name=virtio_blk\0')),
    ).toEqual(['virtio_ring', 'virtio'])
    expect(neededModules(Buffer.from('\0license=GPL\0depends=\0name=button\0'))).toEqual([])
  })
})

describe('the disk', () => {
  it('has a bootable partition and the signature of a boot sector', () => {
    const sector = masterBootRecord(Buffer.from([0xfa]), [
      { type: 0x0e, firstSector: 2048, sectors: 40960, bootable: true },
      { type: 0x83, firstSector: 43008, sectors: 55296 },
    ])
    expect(sector.toString('hex', 446, 478)).toBe(
      '80feffff0efeffff0008000000a0000000feffff83feffff00a8000000d80000',
    )
    expect([sector[0], sector[510], sector[511]]).toEqual([0xfa, 0x55, 0xaa])
  })

  it('refuses boot code that would run over the partition table', () => {
    expect(() => masterBootRecord(Buffer.alloc(441), [])).toThrow('440 fit')
  })

  it('is filled with owners and modes by one script', () => {
    expect(
      fillScript(
        [...folders(['/', '/bin']), file('/bin/sudo', 'x', 0o4755), link('/bin/su', 'sudo')],
        (n) => `/w/${n}`,
      ),
    ).toBe(
      [
        'cd /',
        'sif / mode 040755',
        'sif / uid 0',
        'sif / gid 0',
        'cd /',
        'mkdir bin',
        'sif /bin mode 040755',
        'sif /bin uid 0',
        'sif /bin gid 0',
        'cd /bin',
        'write /w/2 sudo',
        'sif /bin/sudo mode 0104755',
        'sif /bin/sudo uid 0',
        'sif /bin/sudo gid 0',
        'cd /bin',
        'symlink su sudo',
        '',
      ].join('\n'),
    )
  })

  it('lets ping open raw sockets', () => {
    expect(fileCapability(13).toString('hex')).toBe('0100000200200000000000000000000000000000')
  })
})

describe("the guest's scripts", () => {
  it.each(['init', 'rc', 'rc-stop', 'source', 'dhcp', 'sudo', 'power-button'])(
    '%s is a shell script without syntax errors',
    (name) => {
      expect(() => execFileSync('sh', ['-n', `${import.meta.dirname}/guest/${name}`])).not.toThrow()
    },
  )
})
