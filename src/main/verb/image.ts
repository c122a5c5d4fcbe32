// `nimbo image build-tiny`: the offline guest image.
import { readDistribution } from '../package.ts'
import { buildTinyImage } from '../tiny-image/build.ts'
import { tinyImageCache } from '../tiny-image/cache.ts'
import { absolute, usageError, type Verb } from '../verb.ts'

export const image: Verb = {
  summary: 'Builds guest images: build-tiny',
  words: 'build-tiny',
  options: {
    out: { type: 'string', help: 'The image, default tiny.qcow2 here', value: 'FILE' },
    parts: {
      type: 'string',
      help: 'Also kernel, initrd and root file system, for booting without a boot loader',
      value: 'DIR',
    },
    password: {
      type: 'string',
      help: "Console password of 'cirros'; without it each guest makes its own",
      value: 'TEXT',
    },
    'ssh-password': { type: 'boolean', help: 'Let the password in over ssh too' },
  },
  async run({ world, terminal, options, words }) {
    if (words.length !== 1 || words[0] !== 'build-tiny') throw usageError("Say 'nimbo image build-tiny'.")
    const cwd = world.env.PWD ?? '/'
    const started = world.clock.monotonic()
    const built = await buildTinyImage(world, {
      out: absolute((options.out as string | undefined) ?? 'tiny.qcow2', cwd),
      parts: options.parts === undefined ? undefined : absolute(options.parts as string, cwd),
      cache: await tinyImageCache(world),
      distribution: (await readDistribution(world)).id,
      password: options.password as string | undefined,
      sshPassword: options['ssh-password'] === true,
      say: terminal.say,
    })
    const seconds = ((world.clock.monotonic() - started) / 1000).toFixed(1)
    terminal.print(
      `${built.path}: ${(built.bytes / 1e6).toFixed(1)} MB, kernel ${built.kernel}, needs ${built.minRamMegabytes} MB of memory (${seconds} s)`,
    )
    return 0
  },
}
