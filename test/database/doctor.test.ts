// What `nimbo doctor` says of a server of databases: a sentence with what to do about it, and never a password.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '#kit/db/open.ts'
import { c, table } from '#kit/db/table.ts'
import { databaseFindings } from '#main/doctor-database.ts'
import { type DatabaseServer, type ServerKind, startServer, world } from './server.ts'

const names = ['cloud_identity', 'cloud_image']

describe.each<ServerKind>(['postgres', 'mariadb'])('a server of %s', (kind) => {
  const isPostgres = kind === 'postgres'
  let server: DatabaseServer
  beforeAll(async () => {
    server = await startServer(kind)
  }, 120_000)
  afterAll(() => server?.remove())

  /** As `user`, whose password is 'secret-of-USER', of the administrator unless said. */
  const find = async (change: { user?: string; password?: string; host?: string; query?: string } = {}) => {
    const url = new URL(server.url)
    if (change.user) url.username = change.user
    if (change.user) url.password = `secret-of-${change.user}`
    if (change.password) url.password = change.password
    const text = (name: string) =>
      `${url.href.replace(url.host, change.host ?? url.host).replace(/\/\w+$/, `/${name}`)}${change.query ?? ''}`
    const found = await databaseFindings(world, Object.fromEntries(names.map((name) => [name, text(name)])))
    expect(JSON.stringify(found)).not.toContain(url.password)
    return found.map(({ state, text, remedy }) => `${state}: ${text}${remedy ? ` -> ${remedy}` : ''}`)
  }
  const here = () => new URL(server.url).host
  const account = (user: string, rights: string) =>
    isPostgres
      ? server.ask(`create role ${user} login ${rights} password 'secret-of-${user}'`)
      : server.ask(`create user ${user}@'%' identified by 'secret-of-${user}'; ${rights}`)

  test('that lets the account do everything is fine', async () => {
    const version = isPostgres ? 'PostgreSQL 1\\d\\.\\d+' : 'MariaDB 1\\d\\.\\d+\\.\\d+'
    const [ok, ...more] = await find()
    expect(ok).toMatch(new RegExp(`^ok: ${version} answers at .*nimbo@${here()}$`))
    expect(more).toEqual([])
  })

  test('that takes fewer connections than a controller may open is a warning', async () => {
    expect(await find({ query: '?connections=200' })).toHaveLength(1)
    const many = await databaseFindings(
      world,
      Object.fromEntries(
        ['a', 'b', 'c'].map((name) => [name, server.url.replace(/\/\w+$/, `/${name}?connections=200`)]),
      ),
    )
    expect(many.at(-1)).toMatchObject({
      state: 'warning',
      text: expect.stringMatching(/takes 400 connections; a controller may open 600\.$/),
    })
  })

  test('a wrong password', async () => {
    const [said] = await find({ password: 'a-wrong-one' })
    expect(said).toMatch(/^problem: .* is not usable: The database does not let this account in\.: .*nimbo/)
    expect(said).toContain('-> Look at the user and password of cloud.database_url')
  })

  test('a server that is away, alone and as one of a cluster', async () => {
    const [said] = await find({ host: '127.0.0.1:1' })
    expect(said).toMatch(/^problem: .*ECONNREFUSED 127\.0\.0\.1:1/)
    expect(said).toMatch(/-> Start the server, or put its right host and port in place of 127\.0\.0\.1:1 /)
    const [ok, some, ...more] = await find({ host: `127.0.0.1:1,${here()}` })
    expect(ok).toMatch(/^ok: /)
    expect(some).toMatch(/^warning: Some of its members are not usable: 127\.0\.0\.1:1: /)
    expect(more).toEqual([])
  })

  test('an account that may not make databases', async () => {
    await account('bare', isPostgres ? '' : `grant select on start.* to bare@'%'`)
    const [, said] = await find({ user: 'bare' })
    expect(said).toMatch(
      /^problem: bare may not make the databases that are missing: cloud_identity, cloud_image\. -> Let .* run: /,
    )
    await server.ask(said!.split(' run: ')[1]!)
    expect(await find({ user: 'bare' })).toHaveLength(1)
  })

  test('an account that may do all that is needed, and no more', async () => {
    const rights = `grant select, insert, update, delete, create, drop, alter, index on \`cloud\\_%\`.* to narrow@'%'`
    await account('narrow', isPostgres ? 'createdb' : rights)
    expect(await find({ user: 'narrow' })).toEqual([expect.stringMatching(/^ok: /)])
    const url = server.url
      .replace('nimbo:', 'narrow:')
      .replace(/:[^:@]*@/, ':secret-of-narrow@')
      .replace(/\/\w+$/, '/cloud_made')
    const db = await openDatabase(world, url)
    await db.execute('create table t (a int)', [])
    await db.close()
  })

  test('a database that is there, in which the account may not do what is needed', async () => {
    await account('guest', isPostgres ? '' : `grant select, create on \`cloud\\_image\`.* to guest@'%'`)
    for (const name of names) await server.ask(`create database ${name}`)
    const found = await find({ user: 'guest' })
    if (isPostgres)
      expect(found.slice(1)).toEqual(
        names.map(
          (name) =>
            `problem: guest may not make tables in ${name}. -> Let the server's administrator run: alter database "${name}" owner to "guest"`,
        ),
      )
    else
      expect(found.slice(1)).toEqual([
        expect.stringMatching(
          /^problem: guest may not make .* missing: cloud_identity\. -> .* grant all on `cloud\\_%`\.\*/,
        ),
        expect.stringMatching(
          /^problem: guest may not insert, update, delete, drop, alter, index in cloud_image\. -> .* grant all on `cloud_image`\.\*/,
        ),
      ])
    for (const name of names) await server.ask(`drop database ${name}`)
  })

  test.runIf(isPostgres)('a database in another encoding, or with the tables of somebody else', async () => {
    await account('owner', 'createdb')
    await server.ask(
      `create database cloud_identity owner owner template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
    )
    await server.ask('create database cloud_image owner owner')
    const db = await openDatabase(world, server.url.replace(/\/\w+$/, '/cloud_image'))
    await db.execute('create table t (a int)', [])
    await db.close()
    expect((await find({ user: 'owner' })).slice(1)).toEqual([
      expect.stringMatching(
        /^problem: cloud_identity is encoded in LATIN1, which can't hold every text\. -> .* encoding 'UTF8'/,
      ),
      `problem: Tables of cloud_image belong to nimbo, not to owner. -> Let the server's administrator run, in cloud_image: reassign owned by "nimbo" to "owner"`,
    ])
    for (const name of names) await server.ask(`drop database ${name}`)
  })

  test.runIf(!isPostgres)(
    'what a server has by default, text of few letters and loose transactions, does no harm',
    async () => {
      await server.ask('create database cloud_latin character set latin1 collate latin1_general_ci')
      await server.ask("set global tx_isolation = 'READ-UNCOMMITTED'; set global sql_mode = ''")
      const word = table('word', { id: c.id(), text: c.text(20) })
      const db = await openDatabase(world, server.url.replace(/\/\w+$/, '/cloud_latin'), { tables: [word] })
      const rows = ['Ü', 'ü', 'u', '漢字😀'].map((text) => ({ id: text, text }))
      await word.insert(db, rows)
      expect(await word.find(db, {}, { orderBy: [['id', 'asc']] })).toEqual(
        rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      )
      expect(await word.find(db, { text: 'Ü' })).toHaveLength(1)
      await expect(word.insert(db, { id: 'long', text: 'x'.repeat(21) })).rejects.toThrow()
      const { rows: said } = await db.execute('select @@tx_isolation as level', [])
      expect(said).toEqual([{ level: 'SERIALIZABLE' }])
      await db.close()
    },
  )

  test.runIf(!isPostgres)('a server that takes no writes', async () => {
    await account('plain', `grant all on \`cloud\\_%\`.* to plain@'%'`)
    await server.ask('set global read_only = 1')
    const [said] = await find({ user: 'plain' })
    await server.ask('set global read_only = 0')
    expect(said).toMatch(/^problem: .* This MariaDB takes no writes: it is read-only\./)
  })
})
