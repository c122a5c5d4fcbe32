// The message bus's management page in a real browser, before our own broker.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestClient } from '#main/verb/test-mq-client.ts'
import { chromiumPath, logIn, type ServedPage, servePage, type Visitor, visit } from './mq-page.ts'

const evil = '<script>alert(1)</script><img src=x onerror=alert(2)>'

/** Runs in the page. */
const namelessControls = `[...document.querySelectorAll('input, select, textarea')]
  .filter((each) => !each.hasAttribute('aria-label') && !(each.labels?.length > 0))
  .map((each) => each.outerHTML)`

describe.runIf(existsSync(chromiumPath))(`the management page, in ${chromiumPath}`, () => {
  let served: ServedPage
  let visitor: Visitor
  let page: Page
  beforeAll(async () => {
    served = await servePage()
  })
  afterAll(() => served.close())
  beforeEach(async () => {
    visitor = await visit(served)
    page = visitor.page
  })
  afterEach(async () => {
    expect(visitor.complaints).toEqual([])
    await visitor.context.close()
  })

  const heading = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 })
  const link = (name: string) => page.getByRole('link', { name, exact: true }).first()
  const open = (title: string) => page.locator('summary', { hasText: title }).first().click()
  const form = (name: string) => page.getByRole('form', { name, exact: true })
  const row = (text: string) => page.getByRole('row').filter({ hasText: text })

  test('lets in who knows the password, says so to others, and forgets at the end of the tab', async () => {
    await logIn(page, 'operator', 'wrong')
    await expect.poll(() => page.getByRole('alert').textContent()).toBe('User or password is wrong')
    await logIn(page, 'operator')
    await heading('Overview').waitFor()
    await row('127.0.0.1').first().waitFor()
    await page.reload()
    await heading('Overview').waitFor()
    const other = await visitor.context.newPage()
    await other.goto(served.url)
    await other.getByRole('button', { name: 'Log in' }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
  })

  test('declares a queue, publishes, gets, purges and deletes; a name with markup stays text', async () => {
    await logIn(page, 'operator')
    await link('Queues').click()
    await open('Add a queue')
    const adding = form('Add a queue')
    await adding.getByLabel('Name', { exact: true }).first().fill(evil)
    await adding.getByPlaceholder('Name').first().fill('x-max-length')
    await adding.getByPlaceholder('Value').first().fill('50')
    await adding.getByRole('button', { name: 'Add a queue' }).click()
    await link(evil).click()
    await heading(`Queue ${evil}`).waitFor()
    expect(await page.locator('main img').count()).toBe(0)
    expect(await page.locator('dl').first().textContent()).toContain('x-max-length: 50')

    await open('Publish a message')
    const publishing = form('Publish a message')
    await publishing.getByLabel('Headers').fill('{"kind": "test"}')
    await publishing.getByLabel('Payload').fill('{"order": 7}')
    await publishing.getByRole('button').click()
    await page.getByText('1 ready, 0 unacked').waitFor()

    await open('Get messages')
    await form('Get messages').getByRole('button').click()
    await expect.poll(() => page.locator('article pre').textContent()).toBe('{"order": 7}')
    expect(await page.locator('article').textContent()).toContain('"kind":"test"')

    await open('Purge')
    await form('Purge').getByRole('button').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Purge' }).click()
    await page.getByText('0 ready, 0 unacked').waitFor()

    await open('Delete this queue')
    await form('Delete this queue').getByRole('button').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await form('Delete this queue').getByRole('button').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No queues').waitFor()
  })

  test('shows a refusal of the broker where the form was filled in', async () => {
    await logIn(page, 'operator')
    await link('Queues').click()
    await open('Add a queue')
    const adding = form('Add a queue')
    await adding.getByLabel('Name', { exact: true }).first().fill('amq.mine')
    await adding.getByRole('button', { name: 'Add a queue' }).click()
    await expect.poll(() => adding.getByRole('alert').textContent()).toContain('amq.mine')
  })

  test('adds a user with permission, and a policy that takes hold', async () => {
    await logIn(page, 'operator')
    await link('Admin').click()
    await open('Add a user')
    const adding = form('Add a user')
    await adding.getByLabel('Name').fill('shop')
    await adding.getByLabel('Password', { exact: true }).fill('pw')
    await adding.getByLabel('Password again').fill('other')
    await adding.getByLabel('Tags').fill('monitoring management')
    await adding.getByRole('button').click()
    await expect.poll(() => adding.getByRole('alert').textContent()).toBe('The two passwords differ')
    await adding.getByLabel('Password again').fill('pw')
    await adding.getByRole('button').click()
    await heading('User shop').waitFor()
    await page.getByText('monitoring, management').waitFor()

    await open('Set permissions')
    await form('Set permissions').getByLabel('Configure').fill('^shop\\.')
    await form('Set permissions').getByRole('button').click()
    await row('^shop\\.').waitFor()

    await link('Policies').click()
    await open('Set a policy')
    const setting = form('Set a policy')
    await setting.getByLabel('Name', { exact: true }).first().fill('short')
    await setting.getByLabel('Pattern').fill('^shop\\.')
    await setting.getByPlaceholder('Name').first().fill('max-length')
    await setting.getByPlaceholder('Value').first().fill('3')
    await setting.getByRole('button').click()
    await row('max-length: 3').waitFor()

    const queue = await api('PUT', 'queues/%2F/shop.orders', { durable: true })
    expect(queue.status).toBe(201)
    await page.goto(`${served.url}/#/queues/%2F/shop.orders`)
    await expect.poll(() => page.locator('dl').first().textContent()).toContain('Policyshort')
    await api('DELETE', 'queues/%2F/shop.orders')
  })

  test('closes a connection with a reason, and carries definitions out and in', async () => {
    const { connection } = await openTestClient(served.amqpPort)
    await logIn(page, 'operator')
    await link('Connections').click()
    await row('operator').getByRole('link').click()
    await page.getByText('Nimbo', { exact: true }).waitFor()
    await form('Close the connection').getByLabel('Reason').fill('moving house')
    await form('Close the connection').getByRole('button').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Close the connection' }).click()
    expect((await connection.ended).message).toContain('moving house')
    await page.getByText('No connections').waitFor()

    await link('Overview').click()
    const saving = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const saved = JSON.parse(await readFile(await (await saving).path(), 'utf8')) as { vhosts: object[] }
    const vhosts = [...saved.vhosts, { name: 'from a file' }]
    await page.locator('input[type=file]').setInputFiles({
      name: 'definitions.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify({ ...saved, vhosts })),
    })
    await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click()
    await page.getByText('The definitions were imported').waitFor()
    await link('Admin').click()
    await link('Virtual hosts').click()
    await row('from a file').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => row('from a file').count()).toBe(0)
  })

  test('speaks Chinese when asked, keeps to it, and by itself to who reads Chinese', async () => {
    await page.getByRole('button', { name: '中文' }).click()
    await page.getByRole('button', { name: '登录' }).waitFor()
    await logIn(page, 'operator')
    await heading('概览').waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
    await page.reload()
    await heading('概览').waitFor()
    const chinese = await visit(served, 'zh-CN')
    await chinese.page.getByRole('button', { name: '登录' }).waitFor()
    await chinese.context.close()
  })

  test('is of use to somebody who may not see everything', async () => {
    await logIn(page, 'reader')
    await heading('Overview').waitFor()
    await link('Queues').click()
    await page.getByText('No queues').waitFor()
    await link('Admin').click()
    await page.getByRole('alert').filter({ hasText: /\S/ }).waitFor()
    // Still inside.
    await heading('Users').waitFor()
  })

  test('says when the broker is away, and goes on by itself when it is back', async () => {
    await logIn(page, 'operator')
    await row('127.0.0.1').first().waitFor()
    // As when the tab is seen again: it looks at once.
    const look = () => page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
    const trouble = page.getByText("The broker doesn't answer")
    await visitor.context.setOffline(true)
    await look()
    await trouble.waitFor()
    await visitor.context.setOffline(false)
    await look()
    await trouble.waitFor({ state: 'hidden' })
    await row('127.0.0.1').first().waitFor()
  })

  test('has a label for each control, and rows that stay while they are brought up to date', async () => {
    await logIn(page, 'operator')
    for (const path of [
      'queues',
      'exchanges',
      'admin/users',
      'admin/policies',
      'admin/limits',
      'exchanges/%2F/amq.topic',
    ]) {
      await page.goto(`${served.url}/#/${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      const nameless = await page.evaluate(namelessControls)
      expect(nameless).toEqual([])
    }
    await page.goto(`${served.url}/#/exchanges`)
    const first = link('amq.direct')
    await first.waitFor()
    await first.evaluate((element) => element.setAttribute('data-kept', 'yes'))
    await api('PUT', 'exchanges/%2F/aaa', { type: 'fanout' })
    await link('aaa').waitFor()
    expect(await link('amq.direct').getAttribute('data-kept')).toBe('yes')
  })

  test('goes through a thousand queues in pages, sorted and filtered by the broker', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `many.${String(index).padStart(4, '0')}`)
    const queues = names.map((name) => ({
      name,
      vhost: '/',
      durable: true,
      auto_delete: false,
      arguments: {},
    }))
    expect((await api('POST', 'definitions', { queues })).ok).toBe(true)
    await logIn(page, 'operator')
    await link('Queues').click()
    await page
      .getByText('Page 1 of 10, 1,000 in all')
      .or(page.getByText('Page 1 of 10, 1000 in all'))
      .waitFor()
    expect(await page.locator('tbody tr').count()).toBe(100)
    await page.getByRole('button', { name: 'Next' }).click()
    await link('many.0100').waitFor()
    await page.getByRole('button', { name: 'Name' }).click()
    await link('many.0999').waitFor()
    await page.getByLabel('Filter', { exact: true }).fill('0042')
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
  })

  async function api(method: string, path: string, body?: unknown) {
    return fetch(`${served.url}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('operator:a secret')}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  }
})
